"""Make the documents of a request, in the order in which a cluster should get them, with notes about them."""

from __future__ import annotations

import json

from ovenbird.common.text import show_value

from . import build_job, job, knative, service
from .metadata import make_metadata, make_selector
from .pod import Document, assume_requests, choose_claim_name, list_variables, make_claim
from .record_store import list_store_notes
from .request import ManifestRequest

_APPLIED = 256 * 1024  # bytes of an object that `kubectl apply` can note down in an annotation
_SUSPICIOUS = ("PASSWORD", "TOKEN", "SECRET", "ACCESS_KEY", "PRIVATE_KEY", "API_KEY")


def make(request: ManifestRequest) -> list[Document]:
    """Return the documents, claims first. Errors: BuildRequestError."""
    if request.action == "build":
        documents = build_job.make_documents(request)
    elif request.action == "job":
        documents = job.make_documents(request)
    else:
        documents = (knative if request.knative else service).make_documents(request)
    return [*_make_claims(request), *documents]


def _make_claims(request: ManifestRequest) -> list[Document]:
    """Return a claim for each volume that says how large it is."""
    return [
        {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": make_metadata(request, choose_claim_name(request, item)),
            "spec": make_claim(item),
        }
        for item in request.task.volumes
        if item.kind == "persistent_volume_claim" and "size" in item.spec
    ]  # fmt: skip


def list_notes(request: ManifestRequest) -> list[str]:
    """Return notes on what is made."""
    task = request.task
    notes_for_people = []
    if not request.image.digest:
        notes_for_people.append(
            f"{request.image} is a tag, which may mean another image tomorrow: name it by digest, or give `--resolve`"
        )
    if task.profile:
        notes_for_people.append(
            f"profile {show_value(task.profile)} is a template of the platform's administrator, and is not applied here"
        )
    notes_for_people += [
        f"envs: {name} looks like a secret, and its value stands in the manifest: give it under secrets"
        for name, value in task.envs.items()
        if value and any(word in name.upper() for word in _SUSPICIOUS)
    ]
    assumed = assume_requests(request)
    if assumed:
        texts = " and ".join(f"{amount} of {name}" for name, amount in assumed.items())
        flags = " and ".join(flag for name, flag in (("cpu", "`--cpu`"), ("memory", "`--mem`")) if name in assumed)
        notes_for_people.append(f"the pod asks for {texts}, without a limit, as nothing says what it needs: {flags}")
    if request.action != "build":
        notes_for_people += list_store_notes(request, list_variables(request))
    if request.expose:
        notes_for_people.append(
            f"whoever reaches {request.expose} can call the function, which asks nobody who they are, and read"
            " `/_/metrics` and `/_/openapi.json`, unless `--env OVENBIRD_ADMIN_PORT=N` moves these to another port"
        )
    own = [secret.variable for secret in task.secrets if not secret.secret]
    if own:
        notes_for_people.append(f"the Secret {show_value(request.own_secret)} has to hold the keys {', '.join(own)}")
    return notes_for_people


def list_apply_notes(request: ManifestRequest, documents: list[Document]) -> list[str]:
    """Return notes for whoever applies the documents by hand, again and again."""
    notes_for_people = []
    if request.autoscale and not request.knative:
        notes_for_people.append(
            "a Deployment that said `replicas` when it was last applied falls to 1 without them, until the scaler acts;"
            " before the first apply with `--autoscale`:"
            f" `{_format_kubectl(request)} annotate deployment/{request.name}"
            " kubectl.kubernetes.io/last-applied-configuration-`"
        )
    if request.each:
        (name,) = (document["metadata"]["name"] for document in documents if document["kind"] == "ConfigMap")
        chosen = ",".join(f"{key}={value}" for key, value in make_selector(request).items())
        notes_for_people.append(
            "ConfigMaps of other lines stay, also when `--ttl` has removed their Jobs; to remove all but this one:"
            f" `{_format_kubectl(request)} delete configmap -l {chosen} --field-selector metadata.name!={name}`"
        )
    if any(len(json.dumps(document)) > _APPLIED for document in documents):
        notes_for_people.append("the parameters are too many for `kubectl apply`: use `kubectl apply --server-side`")
    if request.generate_name:
        notes_for_people.append("an object without a name is for `kubectl create`, not for `kubectl apply`")
    return notes_for_people


def _format_kubectl(request: ManifestRequest) -> str:
    return f"kubectl -n {request.namespace}" if request.namespace else "kubectl"

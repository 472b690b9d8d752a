"""`ovenbird serve --cluster`: serve a function on Kubernetes, wait until it is ready, forward a port, remove it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from ..actions.make_manifests import make_objects, read_request
from ..actions.manifest_flags import add_flags
from ..cluster.detach import Detached, SignalWatch
from ..cluster.kubectl import Kubectl
from ..cluster.run_view import RunView
from ..cluster.services import delete_service, find_url, forward_port, wait_for_rollout
from ..errors import BuildRequestError
from ..kubernetes import k8s_names
from ..kubernetes.manifest_secrets import check_variables
from ..kubernetes.request import ManifestRequest
from ..request.function_target import resolve_target
from .cluster_flags import add_cluster_flags, build_wanted_image, parse_start_limit, set_absent

_NOT_HERE = (
    "build-result", "action", "output", "json", "input", "instruction", "knative", "schedule", "time-zone", "each",
    "grid", "params", "parallelism", "retries", "ttl", "generate-name", "tag", "registry-secret",
)  # fmt: skip
_FLAGS: dict[str, dict[str, Any]] = {
    "port": {"metavar": "PORT", "type": int, "help": "forward this port of this machine until Ctrl-C; 0: any"},
    "detach": {"action": "store_true", "help": "do not wait until it is ready"},
    "start-timeout": {"metavar": "DURATION", "help": "give up when it is not ready by then"},
    "delete": {"action": "store_true", "help": "remove the service from the cluster; its claims stay"},
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    add_cluster_flags(parser, _FLAGS, {})
    add_flags(parser, _NOT_HERE)
    set_absent(parser, _NOT_HERE, _FLAGS)


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Serve the function, or remove its service; the exit status. Errors: BuildRequestError, ClusterError."""
    view = RunView(sys.stderr.buffer)
    kubectl = Kubectl(environ, context=args.context, namespace=args.namespace)
    if args.delete:
        name = args.name or k8s_names.make_label(resolve_target(args.target).function.name)
        for text in delete_service(kubectl, name, view):
            view.say("deleted", text)
        return 0
    if args.port is not None and (args.detach or not 0 <= args.port <= 65535):  # of TCP
        raise BuildRequestError("--port: expected a port from 0 to 65535, and no `--detach`")
    limit = parse_start_limit(args)
    if args.build:
        args.image = build_wanted_image(args, environ, kubectl, view, creates="deployments.apps")
    signals = SignalWatch()
    try:
        with signals.watch():
            return _serve(args, environ, kubectl, view, signals, limit)
    except Detached as signal:
        view.say("detach", "the service stays; `--delete` removes it")
        return signal.status


def _serve(  # what one call has
    args: argparse.Namespace, environ: Mapping[str, str], kubectl: Kubectl, view: RunView, signals: SignalWatch,
    limit: float,
) -> int:  # fmt: skip
    request, documents = _make_documents(args, environ, view)
    with signals.hold():
        created = kubectl.create(documents, "apply", validate=bool(args.set))
    signals.raise_pending()
    namespace = next((item["metadata"]["namespace"] for item in created if item["kind"] == "Deployment"), "")
    view.say("service", f"{request.name} in {namespace}")
    if args.detach:
        return 0
    rollout = wait_for_rollout(kubectl, request.name, view, limit)
    service = request.task.service_name or request.name
    view.say("ready", f"{len(rollout.pods)} pod{'s' * (len(rollout.pods) != 1)}")
    if args.port is not None:
        forward_port(kubectl, service, args.port, view, lambda url: print(url, flush=True))
    url = find_url(kubectl, service, rollout, documents)
    print(url)
    if ".svc:" in url:
        view.say("hint", "the address is one within the cluster; `--port 8080` forwards a port of this machine")
    return 0


def _make_documents(
    args: argparse.Namespace, environ: Mapping[str, str], view: RunView
) -> tuple[ManifestRequest, list[dict[str, Any]]]:  # fmt: skip
    check_variables(args.env or (), "serve")
    notes: list[str] = []
    request = read_request(argparse.Namespace(**{**vars(args), "action": "serve"}), environ, notes)
    documents = make_objects(request, args, notes)
    for note in dict.fromkeys(notes):
        view.note(note)
    return request, documents

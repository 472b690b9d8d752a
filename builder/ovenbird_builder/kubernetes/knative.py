"""A function as a service of Knative, within what Knative takes of a pod."""

from __future__ import annotations

import math

from .metadata import labels, metadata
from .pod import GROUP, USER, Document, account, container, spec
from .request import ManifestRequest
from .service import annotated, probe, served, starting

# what Knative refuses in a pod unless its administrator has switched it on, and what it decides itself
_REFUSED = ("securityContext",)


def documents(wanted: ManifestRequest) -> list[Document]:
    """The one object."""
    known = served(wanted)
    of = container(
        wanted,
        ["serve"],
        ports=[{"name": "http1", "containerPort": known.port, "protocol": "TCP"}],
        # port 0: Knative puts in the one that the container has; no startup probe: older versions refuse it
        readinessProbe=_probe("/_/ready", period=1, failures=3),
        livenessProbe=_probe("/_/live", period=10, failures=6, initialDelaySeconds=60),
    )
    of["securityContext"] |= {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": GROUP,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    template = {key: value for key, value in spec(wanted, of).items() if key not in _REFUSED} | account(wanted)
    if known.timeout:
        template["timeoutSeconds"] = math.ceil(known.timeout)
    if known.concurrency and known.workers:
        template["containerConcurrency"] = min(1000, known.concurrency * known.workers)
    scraped = annotated(wanted, known).get("annotations", {})
    annotations = {**scraped, "serving.knative.dev/progress-deadline": f"{starting(known)}s", **_scale(wanted)}
    return [
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": metadata(wanted, wanted.task.service_name),
            "spec": {
                "template": {"metadata": {"labels": labels(wanted), "annotations": annotations}, "spec": template}
            },
        }
    ]


def _probe(path: str, *, period: int, failures: int, **more: int) -> Document:
    found = probe(path, period=period, failures=failures, **more)
    return found | {"httpGet": {"path": path, "port": 0}}


def _scale(wanted: ManifestRequest) -> dict[str, str]:
    """How many pods there may be: as many as are told, or from MIN (0 for none without calls) to MAX."""
    low, high = wanted.autoscale or (wanted.task.replicas, wanted.task.replicas)
    found = {"min-scale": low, "max-scale": high}
    return {f"autoscaling.knative.dev/{key}": str(value) for key, value in found.items() if value is not None}

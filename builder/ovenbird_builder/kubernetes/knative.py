"""A function as a service of Knative, within what Knative takes of a pod."""

from __future__ import annotations

import math

from .metadata import make_labels, make_metadata
from .pod import GROUP, USER, Document, make_account, make_container, make_spec
from .request import ManifestRequest
from .service import compute_start_time, make_annotations, probe, resolve_served_settings

# what Knative refuses in a pod unless its administrator has switched it on, and what it decides itself
_REFUSED = ("securityContext",)


def make_documents(request: ManifestRequest) -> list[Document]:
    """Return the one object, a Service of Knative."""
    settings = resolve_served_settings(request)
    of = make_container(
        request,
        ["serve"],
        ports=[{"name": "http1", "containerPort": settings.port, "protocol": "TCP"}],
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
    template = {key: value for key, value in make_spec(request, of).items() if key not in _REFUSED} | make_account(
        request
    )
    if settings.timeout:
        template["timeoutSeconds"] = math.ceil(settings.timeout)
    if settings.concurrency and settings.workers:
        template["containerConcurrency"] = min(1000, settings.concurrency * settings.workers)
    scraped = make_annotations(request, settings).get("annotations", {})
    annotations = {
        **scraped,
        "serving.knative.dev/progress-deadline": f"{compute_start_time(settings)}s",
        **_make_scale(request),
    }
    return [
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": make_metadata(request, request.task.service_name),
            "spec": {
                "template": {"metadata": {"labels": make_labels(request), "annotations": annotations}, "spec": template}
            },
        }
    ]


def _probe(path: str, *, period: int, failures: int, **more: int) -> Document:
    fields = probe(path, period=period, failures=failures, **more)
    return fields | {"httpGet": {"path": path, "port": 0}}


def _make_scale(request: ManifestRequest) -> dict[str, str]:
    """Return how many pods there may be: as many as the task says, or from MIN (0 for none without calls) to MAX."""
    low, high = request.autoscale or (request.task.replicas, request.task.replicas)
    annotations = {"min-scale": low, "max-scale": high}
    return {f"autoscaling.knative.dev/{key}": str(value) for key, value in annotations.items() if value is not None}

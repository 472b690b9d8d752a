"""A function as a service: Deployment and Service, with a scaler and a disruption budget when they are asked for."""

from __future__ import annotations

import math

from ovenbird.settings import Settings

from ..errors import BuildRequestError
from . import exposure
from .metadata import make_labels, make_metadata, make_selector
from .pod import Document, make_container, make_spec, resolve_settings
from .request import ManifestRequest

PORT = 8080  # of the Service, as on the platform
_LOADING = 60.0  # seconds for the import of the user's module, before the port opens
_UNLIMITED = 24 * 3600.0  # seconds to wait for an init that has no time limit
_MARGIN = 5.0  # seconds more than the runtime needs to end
_HANGING = 10  # seconds to end for a pod that fails its liveness probe
_TARGET_CPU = 80  # percent of the request, where nothing says how much
_LEAST_PROGRESS = 600  # seconds; the default of Kubernetes for a rollout without progress
_PULLING = 240  # seconds of a rollout in which the pod does not start yet: its node and its image


def make_documents(request: ManifestRequest) -> list[Document]:
    """Return the objects of a service."""
    served_settings = resolve_served_settings(request)
    objects = [_make_deployment(request, served_settings), _make_service(request, served_settings)]
    metrics_port = "admin" if served_settings.admin_port.isdigit() else "http"
    objects += exposure.make_documents(
        request, request.task.service_name or request.name, PORT, metrics_port=metrics_port
    )  # fmt: skip
    if request.autoscale:
        objects.append(_make_scaler(request))
    if request.max_unavailable:
        objects.append(_make_budget(request))
    return objects


def _make_deployment(request: ManifestRequest, served_settings: Settings) -> Document:
    body: Document = {
        "selector": {"matchLabels": make_selector(request)},
        "progressDeadlineSeconds": max(_LEAST_PROGRESS, compute_start_time(served_settings) + _PULLING),
    }
    if any(item.kind == "persistent_volume_claim" and "size" in item.spec for item in request.task.volumes):
        # one node mounts it: a new pod on another node would wait for the old one, which waits for the new one
        body["strategy"] = {"type": "Recreate"}
    if not request.autoscale:  # the scaler's number would be reset by each `kubectl apply`
        body["replicas"] = 1 if request.task.replicas is None else request.task.replicas
    of = make_container(
        request,
        ["serve"],
        ports=[
            {"name": "http", "containerPort": served_settings.port, "protocol": "TCP"},
            *_make_admin_port(served_settings, "containerPort"),
        ],
        startupProbe=probe("/_/ready", period=1, failures=compute_start_time(served_settings)),
        readinessProbe=probe("/_/ready", period=5, failures=2),
        # what does not answer for a minute hardly ends well: the pod's own time to end would only be waited for
        livenessProbe=probe("/_/live", period=10, failures=6, terminationGracePeriodSeconds=_HANGING),
    )
    body["template"] = {
        "metadata": {"labels": make_labels(request), **make_annotations(request, served_settings)},
        "spec": make_spec(request, of, terminationGracePeriodSeconds=compute_end_time(served_settings)),
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": make_metadata(request), "spec": body}


def resolve_served_settings(request: ManifestRequest) -> Settings:
    """Return the settings of the service. Errors: BuildRequestError for a port that nobody could find."""
    served_settings = resolve_settings(request)
    if not served_settings.port:
        raise BuildRequestError("envs: `OVENBIRD_PORT` is 0, a port that the Service cannot know")
    if request.metrics and served_settings.admin_port == "off":
        raise BuildRequestError("--metrics: `OVENBIRD_ADMIN_PORT` is `off`, so there are no metrics to scrape")
    return served_settings


def make_annotations(request: ManifestRequest, served_settings: Settings) -> Document:
    """Return the `annotations` of a pod whose metrics are scraped; nothing where there are none."""
    port = int(served_settings.admin_port) if served_settings.admin_port.isdigit() else served_settings.port
    annotations = exposure.make_scrape_annotations(request, port)
    return {"annotations": annotations} if annotations else {}


def _make_admin_port(served_settings: Settings, field: str) -> list[Document]:
    """Return the port of the metrics, where these have one of their own, as an entry of a container or of a Service."""
    if not served_settings.admin_port.isdigit():
        return []
    target = {"targetPort": "admin"} if field == "port" else {}
    return [{"name": "admin", field: int(served_settings.admin_port), **target, "protocol": "TCP"}]


def probe(path: str, *, period: int, failures: int, **more: int) -> Document:
    """Return a probe of the runtime's own paths; a second more than the time that an object's `ready()` has."""
    timing = {"periodSeconds": period, "timeoutSeconds": 2, "failureThreshold": failures}
    return {"httpGet": {"path": path, "port": "http"}, **more, **timing}


def compute_start_time(served_settings: Settings) -> int:
    """Return the seconds that a pod has to become ready: for its import, and for its init."""
    return math.ceil(_LOADING + (served_settings.init_timeout or _UNLIMITED))


def compute_end_time(served_settings: Settings) -> int:
    """Return the seconds that a pod has to end: drain delay, calls in flight, and `close`, which has as long again."""
    return math.ceil(served_settings.drain_delay + 2 * served_settings.grace + _MARGIN)


def _make_service(request: ManifestRequest, served_settings: Settings) -> Document:
    admin = _make_admin_port(served_settings, "port") if request.metrics == "monitor" else []
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": make_metadata(request, request.task.service_name),
        "spec": {
            "type": request.task.service_type or "ClusterIP",
            "selector": make_selector(request),
            "ports": [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}, *admin],
        },
    }


def _make_scaler(request: ManifestRequest) -> Document:
    assert request.autoscale
    low, high = request.autoscale
    target = {"type": "Utilization", "averageUtilization": request.target_cpu or _TARGET_CPU}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": make_metadata(request),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": request.name},
            "minReplicas": low,
            "maxReplicas": high,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def _make_budget(request: ManifestRequest) -> Document:
    text = request.max_unavailable
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": make_metadata(request),
        "spec": {
            "maxUnavailable": int(text) if text.isdecimal() else text,
            "selector": {"matchLabels": make_selector(request)},
        },
    }

"""A function as a service: Deployment and Service, with a scaler and a disruption budget when they are asked for."""

from __future__ import annotations

import math

from ovenbird.settings import Settings

from ..errors import BuildRequestError
from . import exposure
from .metadata import labels, metadata, selector
from .pod import Document, container, settings, spec
from .request import ManifestRequest

PORT = 8080  # of the Service, as on the platform
_LOADING = 60.0  # seconds for the import of the user's module, before the port opens
_UNLIMITED = 24 * 3600.0  # seconds to wait for an init that has no time limit
_MARGIN = 5.0  # seconds more than the runtime needs to end
_HANGING = 10  # seconds to end for a pod that fails its liveness probe
_TARGET_CPU = 80  # percent of the request, where nothing says how much
_LEAST_PROGRESS = 600  # seconds; the default of Kubernetes for a rollout without progress
_PULLING = 240  # seconds of a rollout in which the pod does not start yet: its node and its image


def documents(wanted: ManifestRequest) -> list[Document]:
    """The objects of a service."""
    known = served(wanted)
    found = [_deployment(wanted, known), _service(wanted, known)]
    metrics_port = "admin" if known.admin_port.isdigit() else "http"
    found += exposure.documents(
        wanted, wanted.task.service_name or wanted.name, PORT, metrics_port=metrics_port
    )  # fmt: skip
    if wanted.autoscale:
        found.append(_scaler(wanted))
    if wanted.max_unavailable:
        found.append(_budget(wanted))
    return found


def _deployment(wanted: ManifestRequest, known: Settings) -> Document:
    found: Document = {
        "selector": {"matchLabels": selector(wanted)},
        "progressDeadlineSeconds": max(_LEAST_PROGRESS, starting(known) + _PULLING),
    }
    if any(item.kind == "persistent_volume_claim" and "size" in item.spec for item in wanted.task.volumes):
        # one node mounts it: a new pod on another node would wait for the old one, which waits for the new one
        found["strategy"] = {"type": "Recreate"}
    if not wanted.autoscale:  # the scaler's number would be reset by each `kubectl apply`
        found["replicas"] = 1 if wanted.task.replicas is None else wanted.task.replicas
    of = container(
        wanted,
        ["serve"],
        ports=[{"name": "http", "containerPort": known.port, "protocol": "TCP"}, *_admin(known, "containerPort")],
        startupProbe=probe("/_/ready", period=1, failures=starting(known)),
        readinessProbe=probe("/_/ready", period=5, failures=2),
        # what does not answer for a minute hardly ends well: the pod's own time to end would only be waited for
        livenessProbe=probe("/_/live", period=10, failures=6, terminationGracePeriodSeconds=_HANGING),
    )
    found["template"] = {
        "metadata": {"labels": labels(wanted), **annotated(wanted, known)},
        "spec": spec(wanted, of, terminationGracePeriodSeconds=ending(known)),
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(wanted), "spec": found}


def served(wanted: ManifestRequest) -> Settings:
    """The settings of the service. Errors: SpecError for a port that nobody could find."""
    known = settings(wanted)
    if not known.port:
        raise BuildRequestError("envs: OVENBIRD_PORT is 0, a port that the Service cannot know")
    if wanted.metrics and known.admin_port == "off":
        raise BuildRequestError("--metrics: OVENBIRD_ADMIN_PORT is off, so there are no metrics to scrape")
    return known


def annotated(wanted: ManifestRequest, known: Settings) -> Document:
    """The `annotations` of a pod whose metrics are scraped; nothing where there are none."""
    port = int(known.admin_port) if known.admin_port.isdigit() else known.port
    found = exposure.scrape_annotations(wanted, port)
    return {"annotations": found} if found else {}


def _admin(known: Settings, field: str) -> list[Document]:
    """The port of the metrics, where these have one of their own, as an entry of a container or of a Service."""
    if not known.admin_port.isdigit():
        return []
    target = {"targetPort": "admin"} if field == "port" else {}
    return [{"name": "admin", field: int(known.admin_port), **target, "protocol": "TCP"}]


def probe(path: str, *, period: int, failures: int, **more: int) -> Document:
    """A probe of the runtime's own paths; a second more than the time that an object's `ready()` has."""
    timing = {"periodSeconds": period, "timeoutSeconds": 2, "failureThreshold": failures}
    return {"httpGet": {"path": path, "port": "http"}, **more, **timing}


def starting(known: Settings) -> int:
    """Seconds that a pod has to become ready: for its import, and for its init."""
    return math.ceil(_LOADING + (known.init_timeout or _UNLIMITED))


def ending(known: Settings) -> int:
    """Seconds that a pod has to end: the drain delay, the calls in flight, and `close`, which has as long again."""
    return math.ceil(known.drain_delay + 2 * known.grace + _MARGIN)


def _service(wanted: ManifestRequest, known: Settings) -> Document:
    admin = _admin(known, "port") if wanted.metrics == "monitor" else []
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(wanted, wanted.task.service_name),
        "spec": {
            "type": wanted.task.service_type or "ClusterIP",
            "selector": selector(wanted),
            "ports": [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}, *admin],
        },
    }


def _scaler(wanted: ManifestRequest) -> Document:
    assert wanted.autoscale
    low, high = wanted.autoscale
    target = {"type": "Utilization", "averageUtilization": wanted.target_cpu or _TARGET_CPU}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(wanted),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": wanted.name},
            "minReplicas": low,
            "maxReplicas": high,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def _budget(wanted: ManifestRequest) -> Document:
    text = wanted.max_unavailable
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(wanted),
        "spec": {
            "maxUnavailable": int(text) if text.isdecimal() else text,
            "selector": {"matchLabels": selector(wanted)},
        },
    }

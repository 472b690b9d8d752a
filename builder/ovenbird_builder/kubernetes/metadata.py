"""What every object carries: its name, its namespace and its labels."""

from __future__ import annotations

from typing import Any

from . import k8s_names
from .request import ManifestRequest

_COMPONENTS = {"serve": "service", "job": "job", "build": "build"}


def selector(wanted: ManifestRequest) -> dict[str, str]:
    """The labels that tell these pods from all others, those of the function's jobs too.

    A Deployment's cannot be changed, so what may change under one name is not among them: the function's own name.
    """
    return {
        "app.kubernetes.io/instance": wanted.name,
        "app.kubernetes.io/component": _COMPONENTS[wanted.action],
    }


def labels(wanted: ManifestRequest) -> dict[str, str]:
    """All labels."""
    found = {"app.kubernetes.io/name": k8s_names.label(wanted.function.name), **selector(wanted)}
    version = wanted.image.tag or wanted.image.digest.partition(":")[2][:12] or "latest"
    found["app.kubernetes.io/version"] = k8s_names.label_value(version)
    if project := k8s_names.label_value(wanted.function.project):
        found["app.kubernetes.io/part-of"] = project
    return {**found, "app.kubernetes.io/managed-by": "ovenbird"}


def metadata(wanted: ManifestRequest, name: str = "", **more: Any) -> dict[str, Any]:
    """The `metadata` of an object."""
    found: dict[str, Any] = {"name": name or wanted.name}
    if wanted.namespace:
        found["namespace"] = wanted.namespace
    return {**found, "labels": labels(wanted), **more}

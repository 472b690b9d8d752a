"""What every object carries: its name, its namespace and its labels."""

from __future__ import annotations

from typing import Any

from . import k8s_names
from .request import ManifestRequest

_COMPONENTS = {"serve": "service", "job": "job", "build": "build"}


def make_selector(request: ManifestRequest) -> dict[str, str]:
    """Return the labels that tell these pods from all others, those of the function's jobs too.

    A Deployment's cannot be changed, so what may change under one name is not among them: the function's own name.
    """
    return {
        "app.kubernetes.io/instance": request.name,
        "app.kubernetes.io/component": _COMPONENTS[request.action],
    }


def make_labels(request: ManifestRequest) -> dict[str, str]:
    """Return all labels."""
    pairs = {"app.kubernetes.io/name": k8s_names.make_label(request.function.name), **make_selector(request)}
    version = request.image.tag or request.image.digest.partition(":")[2][:12] or "latest"
    pairs["app.kubernetes.io/version"] = k8s_names.make_label_value(version)
    if project := k8s_names.make_label_value(request.function.project):
        pairs["app.kubernetes.io/part-of"] = project
    return {**pairs, "app.kubernetes.io/managed-by": "ovenbird"}


def make_metadata(request: ManifestRequest, name: str = "", **more: Any) -> dict[str, Any]:
    """Return the `metadata` of an object."""
    fields: dict[str, Any] = {"name": name or request.name}
    if request.namespace:
        fields["namespace"] = request.namespace
    return {**fields, "labels": make_labels(request), **more}

"""The volumes of a task: checked -> Volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ovenbird.common.text import show_value

from . import k8s_names, mounts, quantity

_KINDS = {  # kind -> what its `spec` may hold
    "persistent_volume_claim": ("claim_name", "claimName", "size", "storage_class"),
    "shared_volume": ("claim_name", "claimName"),
    "empty_dir": ("size_limit", "medium"),
    "ephemeral": ("size", "storage_class"),
}
TAKEN = ("tmp", "each", "function", "registry", "home", "large")  # names of the volumes that manifests bring themselves


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume: its kind (`empty_dir`, ...), name, where it is mounted, and the rest as text."""

    kind: str
    name: str
    mount_path: str
    spec: Mapping[str, str] = field(default_factory=dict)

    @property
    def claim(self) -> str:
        """Return the name of the claim that the spec gives; empty where it gives none."""
        return self.spec.get("claim_name") or self.spec.get("claimName") or ""


def check(name: str, value: Any, problems: list[str]) -> tuple[Volume, ...]:
    """Return volumes from the field `name`; what is wrong with them is added to `problems`."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        problems.append(f"{name}: expected a list of `{{volume_type, name, mount_path, spec}}`")
        return ()
    return tuple(_parse_volume(f"{name}[{index}]", item, problems) for index, item in enumerate(value))


def _parse_volume(where: str, item: Mapping[str, Any], problems: list[str]) -> Volume:
    problems += [
        f"{where}.{key}: not a field of a volume"
        for key in item
        if key not in ("volume_type", "name", "mount_path", "spec")
    ]
    kind, name, path = (item.get(key) for key in ("volume_type", "name", "mount_path"))
    spec = item.get("spec") or {}
    if kind not in _KINDS:
        problems.append(f"{where}.volume_type: expected one of {', '.join(_KINDS)}, found {show_value(kind)}")
    else:
        problems += _check_spec(f"{where}.spec", kind, spec)
    if not isinstance(name, str) or not k8s_names.is_label(name, 63):
        problems.append(f"{where}.name: expected lower-case letters, digits and dashes, found {show_value(name)}")
    elif name in TAKEN:
        problems.append(f"{where}.name: {show_value(name)} is a volume of the manifest itself; take another name")
    if not isinstance(path, str) or not path.startswith("/") or ":" in path or ".." in path.split("/"):
        problems.append(f"{where}.mount_path: expected an absolute path, found {show_value(path)}")
    else:
        path = mounts.normalize_path(path)
        if hidden := mounts.find_hidden(path):
            problems.append(f"{where}.mount_path: {show_value(item['mount_path'])} would hide {hidden}")
    spec = spec if isinstance(spec, dict) else {}
    sizes = {key: quantity.canonicalize(spec[key]) for key in ("size", "size_limit") if isinstance(spec.get(key), str)}
    return Volume(str(kind), str(name), str(path), {**spec, **sizes})


def _check_spec(where: str, kind: str, spec: Any) -> list[str]:
    """Return the problems of the spec of a volume of this kind."""
    if not isinstance(spec, dict) or not all(isinstance(text, str) for text in spec.values()):
        return [f"{where}: expected a mapping of texts"]
    problems = [f"{where}.{key}: {kind} takes {', '.join(_KINDS[kind])}" for key in spec if key not in _KINDS[kind]]
    problems += [
        f"{where}.{key}: {wrong}, found {show_value(spec[key])}"
        for key in ("size", "size_limit")
        if key in spec and (wrong := quantity.find_problem("disk", spec[key]))
    ]
    problems += [
        f"{where}.{key}: not a name in Kubernetes, found {show_value(spec[key])}"
        for key in ("claim_name", "claimName", "storage_class")
        if key in spec and not k8s_names.is_subdomain(spec[key])
    ]
    if kind == "ephemeral" and "size" not in spec:
        problems.append(f"{where}.size: missing; how large the volume is, such as `10Gi`")
    if spec.get("medium", "") not in ("", "Memory"):
        problems.append(f"{where}.medium: expected `Memory` or nothing, found {show_value(spec['medium'])}")
    return problems

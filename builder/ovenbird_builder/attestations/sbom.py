"""The bill of materials of an image: CycloneDX 1.6 JSON, from the lock and the wheels, not from a scan."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ovenbird.common.hashing import digest_bytes

from ..host.canonical_json import encode_json
from .image_packages import BaseComponent, ImageComponents, build_graph

MEDIA_TYPE = "application/vnd.cyclonedx+json"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:ovenbird:sbom:v1")


def build_sbom(image: ImageComponents) -> bytes:
    """Return the bill of materials of an image, as JSON bytes that depend on nothing but its components."""
    from . import cyclonedx

    edges = build_graph(image.packages, image.requirements, {**_make_markers(image.base), **image.environment})
    return _set_serial_number(cyclonedx.document(image, edges))


def replace_base(bill: bytes, base: BaseComponent, epoch: int, installed: Mapping[str, str] | None = None) -> bytes:
    """Return the bill of an image on another base: the same but for the base, its Python and its packages."""
    from . import cyclonedx

    document = json.loads(bill)
    floor = (cyclonedx.BASE, cyclonedx.PYTHON)
    rows = document.get("components", ())
    old = {row["bom-ref"] for row in rows if cyclonedx.FROM_BASE in row.get("properties", ())}
    stay = [row for row in rows if row.get("bom-ref") not in old and row.get("bom-ref") not in floor]
    fresh = cyclonedx.make_base_components(
        base, installed or {}, {row["name"] for row in stay if row.get("type") == "library"}
    )
    document["components"] = sorted([*fresh, *stay], key=_order)
    new = [row["bom-ref"] for row in fresh if row["bom-ref"] not in floor]
    edges = {row["ref"]: row for row in document.get("dependencies", ()) if row["ref"] not in old}
    edges |= {ref: {"ref": ref} for ref in (cyclonedx.BASE, *new)}
    if new:
        edges[cyclonedx.BASE]["dependsOn"] = sorted(new)
    document["dependencies"] = [edges[ref] for ref in sorted(edges)]
    return _set_serial_number(_set_date(document, epoch))


def _order(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the order of components in a document of the library."""
    return str(row.get("type")), str(row.get("name")), str(row.get("version", ""))


def set_revision(bill: bytes, version: str, epoch: int) -> bytes:
    """Return the bill of an image of which only the source has changed: `version` is its revision now."""
    document = json.loads(bill)
    document["metadata"]["component"].pop("version", None)
    if version:
        document["metadata"]["component"]["version"] = version
    return _set_serial_number(_set_date(document, epoch))


def count_components(bill: bytes) -> dict[str, int]:
    """Return how many components of each type a bill holds."""
    types = [component.get("type", "") for component in json.loads(bill).get("components", ())]
    return {kind: types.count(kind) for kind in sorted(set(types))}


def _make_markers(base: BaseComponent) -> dict[str, str]:
    """Return the markers of the target, as far as its Python tells them: CPython on Linux."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(base.architecture, base.architecture)
    return {
        "python_version": ".".join(base.python.split(".")[:2]),
        "python_full_version": base.python,
        "implementation_version": base.python,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_release": "",
        "platform_version": "",
    }


def _set_date(document: dict[str, Any], epoch: int) -> dict[str, Any]:
    document["metadata"]["timestamp"] = datetime.fromtimestamp(epoch, timezone.utc).isoformat()
    return document


def _set_serial_number(document: dict[str, Any]) -> bytes:
    """Return the document with a serial number that is made from the rest of it, as canonical JSON."""
    rest = {key: value for key, value in document.items() if key != "serialNumber"}
    number = uuid.uuid5(_NAMESPACE, digest_bytes(encode_json(rest)))
    return encode_json({**rest, "serialNumber": number.urn})

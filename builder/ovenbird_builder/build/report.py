"""What a build gives back: one JSON object, on stdout and in the result file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import Struct

from ovenbird.common.atomic_files import write_file
from ovenbird.common.output_path import make_parent_folders
from ovenbird.common.text import escape_controls, show_value
from ovenbird.common.units import show_size

from ..cache.layer import Layer
from ..host.disk import guard_output_writes
from ..layers.slim import LeftOut


class LayerReason(Struct, frozen=True):
    """Why a layer is in the cache, or is made again. `name` holds no secret, and is cut to a length."""

    kind: str
    name: str
    cached: bool
    reason: str

    def __str__(self) -> str:
        return f"{self.kind} {show_value(self.name)}: {self.reason}"


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The result of a build. `layers` are those above the base; the fields are the contract's, and further ones.

    `rebuilt` are the layers that the cache lacked, each with the reason. `size` counts the bytes of all layers, those
    of the base included, as a registry holds them. Of several platforms both are those of the first.
    """

    image: str
    digest: str
    layers: tuple[Layer, ...]
    source: Mapping[str, str]
    lock: Mapping[str, str]
    base: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    changed: bool = True
    tags: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    seconds: float = 0.0
    more: Mapping[str, Any] = field(default_factory=dict)
    rebuilt: tuple[LayerReason, ...] = ()
    size: int = 0

    @property
    def reference(self) -> str:
        """Return the name of the image with its digest."""
        return f"{self.image}@{self.digest}"

    def document(self) -> dict[str, Any]:
        """Return the result as JSON has it; times in seconds, sizes in bytes."""
        return {
            "image": self.image,
            "digest": self.digest,
            "changed": self.changed,
            "tags": list(self.tags),
            "outputs": list(self.outputs),
            "layers": [make_layer_row(layer) for layer in self.layers],
            "source": dict(self.source),
            "lock": dict(self.lock),
            "base": dict(self.base),
            "warnings": list(self.warnings),
            "seconds": round(self.seconds, 3),
            "size": self.size,
            "rebuilt": [{"kind": row.kind, "name": row.name, "reason": row.reason} for row in self.rebuilt],
            **self.more,
        }


def make_layer_row(layer: Layer) -> dict[str, Any]:
    """Return one layer of a result."""
    return {
        "name": layer.name,
        "digest": layer.digest,
        "size": layer.size,
        "key": layer.key,
        "hit": layer.cached,
        "seconds": round(layer.seconds, 3),
    }


def describe_slim(left_out: Sequence[LeftOut]) -> dict[str, Any]:
    """Return what a slim image lacks of its packages: files, bytes, and both for each package, the largest first."""
    rows = sorted(left_out, key=lambda row: (-row.size, row.name))
    return {
        "files": sum(row.files for row in rows),
        "bytes": sum(row.size for row in rows),
        "packages": [row.describe() for row in rows],
    }


def write_result(path: Path, document: Mapping[str, Any]) -> None:
    """Write a result file, whole or not at all. Errors: DiskFullError."""
    write_text(path, format_result(document), "--result-file")


def write_text(path: Path, content: str, flag: str) -> None:
    """Write the file that a flag names, whole or not at all; append to a device or a pipe, which nothing replaces.

    Errors: DiskFullError.
    """
    with guard_output_writes(path, flag):
        make_parent_folders(path)
        write_file(path, content.encode())


def format_result(document: Mapping[str, Any] | Sequence[Any]) -> str:
    """JSON for people and programs."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def format_source(document: Mapping[str, Any]) -> str:
    """Return the list of a source as a table for people: size and path of each file, and the sum."""
    rows = [(show_size(row["size"]), escape_controls(row["path"])) for row in document["files"]]
    rows.append((show_size(document["size"]), f"in {len(document['files'])} files"))
    return "".join(f"{size:>10}  {path}\n" for size, path in rows)

"""Where a built image goes: a registry, the local store, or a file or folder of this machine."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import ImageError, SpaceError, SpecError
from .reference import Reference
from .registry import Registry

_FILES = ("oci", "oci-archive", "docker-archive")


@dataclass(frozen=True, slots=True)
class Output:
    """`kind` is store, registry, oci, oci-archive or docker-archive; `path` only where it is a file or a folder."""

    kind: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.path}" if self.path else self.kind


def output(text: str, tags: Iterable[Reference]) -> Output:  # noqa: ARG001
    """The output that a text names. Errors: SpecError."""
    kind, colon, path = text.partition(":")
    if kind in ("store", "registry") and not colon:
        return Output(kind)
    if kind not in _FILES or not path:
        raise SpecError(
            f"--output: expected store, registry, oci:DIR, oci-archive:FILE or docker-archive:FILE, found {text!r}"
        )
    if ":" in path:
        raise SpecError(f"--output: a path with a colon cannot be told from a tag: {path!r}")
    if not Path(path).absolute().parent.is_dir():
        raise SpecError(f"--output: no folder {str(Path(path).absolute().parent)!r}")
    return Output(kind, path)


def write(one: Output, registry: Registry, layout: Path, tags: tuple[Reference, ...], *, index: bool = False) -> None:
    """Write a layout's image to a file or folder: whole under its name, or not at all.

    Errors: those of `faults`; ImageError when the folder is there and is not an OCI layout.
    """
    path = Path(one.path).absolute()
    if one.kind == "oci" and path.exists() and not (path / "oci-layout").is_file() and any(_inside(path)):
        raise ImageError(f"--output: {str(path)!r} exists and is not an OCI layout")
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise SpaceError(f"--output: cannot write to {str(path.parent)!r}: {error.strerror}") from None
    try:
        made = scratch / "image"
        registry.write(layout, _destination(one, made, tags), index=index, keep_digests=one.kind != "docker-archive")
        if one.kind == "oci":
            _index_name(made, tags)
            if path.exists():
                path.rename(scratch / "old")
        made.rename(path)
    except OSError as error:
        raise SpaceError(f"--output: cannot write {str(path)!r}: {error.strerror}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _inside(path: Path) -> list[str]:
    return [one.name for one in path.iterdir()] if path.is_dir() else [path.name]


def _destination(one: Output, made: Path, tags: tuple[Reference, ...]) -> str:
    if one.kind == "docker-archive":
        return f"docker-archive:{made}:{tags[0].local}"
    return f"{one.kind}:{made}:{tags[0].tag or 'latest'}"


def _index_name(layout: Path, tags: tuple[Reference, ...]) -> None:
    """Name each tag in the layout's index: skopeo writes one alone."""
    index = json.loads((layout / "index.json").read_bytes())
    (entry,) = index["manifests"]
    names = dict.fromkeys(tag.tag or "latest" for tag in tags)
    index["manifests"] = [entry | {"annotations": {"org.opencontainers.image.ref.name": name}} for name in names]
    (layout / "index.json").write_text(json.dumps(index, separators=(",", ":")))

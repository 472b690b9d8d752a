"""Bytecode that Python would run without a look at its source, although the image's source is another one.

A layer of wheels is right in itself, and hides what lies below where a file of it has no bytecode; so a layer is only
read for this when another kind of layer (an instruction, the source) writes into the same part of the file system.
"""

from __future__ import annotations

import importlib.util
import posixpath
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager

from msgspec import Struct

from ..cache.layer import Layer, compute_key
from ..cache.layer_cache import LayerCache
from .source_hash import hash_source

_VERSION = 1
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
HEADER = 16  # bytes of a file of bytecode before its code
Opened = Callable[[Layer], AbstractContextManager[tarfile.TarFile]]


class _Unchecked(Struct, frozen=True):
    """Bytecode without a check: the layer that has it by number, its magic number, and the hash of its source."""

    layer: int
    magic: bytes
    hash: bytes


class _View(Struct):
    """What is seen of some layers: bytecode by its path, and which layer a source is of (-1: a link)."""

    bytecode: dict[str, _Unchecked]
    sources: dict[str, int]

    def remove(self, path: str) -> None:
        """Hide a file or folder of the layers so far."""
        below = path + "/"
        self.bytecode = {n: number for n, number in self.bytecode.items() if n != path and not n.startswith(below)}
        self.sources = {n: number for n, number in self.sources.items() if n != path and not n.startswith(below)}


def get_top_folder(path: str) -> str:
    """Return the first folder of a path: layers that share none cannot affect each other."""
    return path.lstrip("/").partition("/")[0]


def is_unchecked(head: bytes) -> bool:
    """Return whether bytecode that starts with `head` is run without a look at its source."""
    return len(head) >= HEADER and int.from_bytes(head[4:8], "little") & 3 == 1


def find_source(path: str) -> str:
    """Return the path of the source of bytecode in a `__pycache__`, or "" for bytecode that stands alone."""
    try:
        return importlib.util.source_from_cache(path)
    except (ValueError, NotImplementedError):
        return ""


def find_stale(
    layers: Sequence[Layer],
    packages: Set[str],
    bytecode: Sequence[Set[str]],
    sources: Sequence[Set[str]],
    cache: LayerCache,
    opened: Opened,
) -> list[str]:
    """Return the problems as lines that name layer and path; the base's layers are not checked.

    `packages` are the digests of layers that hold wheels alone; `bytecode` and `sources` the top folders in which each
    layer has bytecode that is not checked, and Python files; `opened` opens a layer's tar, to be read once.
    """
    others = [number for number, layer in enumerate(layers) if layer.digest not in packages]
    touched = {top for number in others for top in bytecode[number] | sources[number]}
    shared = touched & {top for tops in bytecode for top in tops}
    if not shared:
        return []
    candidates = [layer for number, layer in enumerate(layers) if (bytecode[number] | sources[number]) & shared]
    rows = [[layer.name, layer.digest, layer.digest in packages] for layer in candidates]
    key = compute_key("stale bytecode", version=_VERSION, layers=rows)
    stale = cache.recall(key)
    if stale is None:
        stale = _compare(candidates, packages, opened)
        cache.note(key, stale, "stale bytecode")
    return [str(line) for line in stale]


def _compare(layers: Sequence[Layer], packages: Set[str], opened: Opened) -> list[str]:
    view = look(layers, opened)
    doubtful: dict[int, dict[str, list[str]]] = {}
    for path, entry in view.bytecode.items():
        source = find_source(path)
        owner = view.sources.get(source, -1)
        if owner >= 0 and not (owner == entry.layer and layers[owner].digest in packages):
            doubtful.setdefault(owner, {}).setdefault(source, []).append(path)
    stale = sorted(
        (path, view.bytecode[path].layer, owner) for path, owner in _find_differing(layers, view, doubtful, opened)
    )
    return [
        f"{layers[owner].name}: {find_source(path)} is not what {path} of {layers[number].name} was compiled from,"
        " which Python would run without a check"
        for path, number, owner in stale
    ]


def find_shadowing(layers: Sequence[Layer], base: int, opened: Opened) -> tuple[str, ...]:
    """Return the bytecode of the first `base` layers that Python would run for another source in those above."""
    view = look(layers, opened)
    doubtful: dict[int, dict[str, list[str]]] = {}
    for path, entry in view.bytecode.items():
        owner = view.sources.get(find_source(path), -1)
        if entry.layer < base <= owner:
            doubtful.setdefault(owner, {}).setdefault(find_source(path), []).append(path)
    return tuple(sorted(path for path, _ in _find_differing(layers, view, doubtful, opened)))


def _find_differing(
    layers: Sequence[Layer], view: _View, doubtful: Mapping[int, Mapping[str, Sequence[str]]], opened: Opened
) -> Iterator[tuple[str, int]]:
    """Yield bytecode that its source is not, and the layer of that; `doubtful` is bytecode by layer and source."""
    for owner, names in doubtful.items():
        for source, data in _read_contents(layers[owner], names, opened):
            for path in names[source]:
                entry = view.bytecode[path]
                if hash_source(data, entry.magic) != entry.hash:
                    yield path, owner


def look(layers: Sequence[Layer], opened: Opened) -> _View:
    """Return the Python files that remain visible in a stack of layers, read from the bottom."""
    view = _View({}, {})
    for number, layer in enumerate(layers):
        removed, bytecode, sources = _read(number, layer, opened)
        for path in removed:
            if path.endswith((".py", ".pyc")):
                view.bytecode.pop(path, None)
                view.sources.pop(path, None)
            else:
                view.remove(path)
        for path, entry in bytecode.items():
            view.bytecode.pop(path, None)
            if entry:
                view.bytecode[path] = entry
        view.sources.update(sources)
    return view


def _read(number: int, layer: Layer, opened: Opened) -> tuple[list[str], dict[str, _Unchecked | None], dict[str, int]]:
    """Return the paths that a layer removes, its bytecode (None: Python checks it), and its sources."""
    removed: list[str] = []
    bytecode: dict[str, _Unchecked | None] = {}
    sources: dict[str, int] = {}
    with opened(layer) as archive:
        for info in archive:
            path = posixpath.normpath(info.name).lstrip("/")
            folder, name = posixpath.split(path)
            if name == _OPAQUE:
                removed.append(folder)
            elif name.startswith(_WHITEOUT):
                removed.append(posixpath.join(folder, name.removeprefix(_WHITEOUT)))
            elif name.endswith(".py") and not info.isdir():
                sources[path] = number if info.isreg() else -1
            elif name.endswith(".pyc"):
                file = archive.extractfile(info) if info.isreg() else None
                head = file.read(HEADER) if file else b""
                bytecode[path] = _Unchecked(number, head[:4], head[8:HEADER]) if is_unchecked(head) else None
    return removed, bytecode, sources


def _read_contents(layer: Layer, paths: Iterable[str], opened: Opened) -> Iterator[tuple[str, bytes]]:
    path_set = set(paths)
    with opened(layer) as archive:
        for info in archive:
            path = posixpath.normpath(info.name).lstrip("/")
            if path in path_set and info.isreg() and (file := archive.extractfile(info)):
                yield path, file.read()

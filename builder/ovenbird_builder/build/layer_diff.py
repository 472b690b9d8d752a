"""What a step changed, as a tar from the store -> a tar that depends on what was changed only, ready for a layer.

Times later than `clamp` become `clamp`; access times and the names of owners are dropped; entries are sorted. What is
left alone: content, owners, modes, extended attributes, devices, and the files that hide those of layers below.
"""

from __future__ import annotations

import copy
import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol

from ovenbird.common.text import show_value

from ..errors import LayerError

# where we mount things for a step; an empty mount point that stays is not a change of the step's
MOUNT_POINTS = ("run/ovenbird", "run/secrets")
_PYC_HEADER = 16
_WHITEOUT = ".wh."


class EntrySink(Protocol):
    """Where entries go, with their content."""

    def add_entry(self, info: tarfile.TarInfo, content: BinaryIO | None) -> None: ...


def normalise_layer(raw: Path, out: EntrySink, clamp: int) -> int:
    """Write the tar at `raw` to `out` in its normal form; the number of entries. Errors: LayerError."""
    try:
        with tarfile.open(raw, "r:", errorlevel=2) as tar:
            members = _sort_entries(tar.getmembers())
            sources = {info.name: int(info.mtime) for info, _ in members if info.name.endswith(".py")}
            for info, data in members:
                content: Any = tar.extractfile(data) if data is not None and data.size else None
                if content is not None and info.name.endswith(".pyc"):
                    content = _keep_bytecode_valid(info, content, sources, clamp)
                out.add_entry(_clean(info, clamp), content)
            return len(members)
    except (tarfile.TarError, EOFError) as error:
        raise LayerError(f"the store gave a layer that is not a tar: {error}") from None


def list_changed_sources(raw: Path) -> list[str]:
    """Return the Python files that a tar from the store writes or deletes, by absolute path, sorted.

    Left out are those that come with bytecode which names their time and size: it was just made of them.
    Errors: LayerError.
    """
    changed: dict[str, tuple[int, int] | None] = {}
    stamps: dict[str, set[tuple[int, int]]] = {}
    try:
        with tarfile.open(raw, "r:", errorlevel=2) as tar:
            for info in tar.getmembers():
                folder, slash, name = info.name.rpartition("/")
                if name.startswith(_WHITEOUT) and name.endswith(".py"):
                    changed[folder + slash + name.removeprefix(_WHITEOUT)] = None
                elif name.endswith(".py") and not info.isdir():
                    is_plain = info.isreg() and not info.islnk()
                    changed[info.name] = (int(info.mtime) & 0xFFFFFFFF, info.size & 0xFFFFFFFF) if is_plain else None
                elif name.endswith(".pyc") and info.isreg() and (file := tar.extractfile(info)):
                    head = file.read(_PYC_HEADER)
                    stamp = (int.from_bytes(head[8:12], "little"), int.from_bytes(head[12:], "little"))
                    by_time = len(head) == _PYC_HEADER and head[4:8] == b"\0\0\0\0"
                    stamps.setdefault(_find_source(info.name), set()).add(stamp if by_time else (-1, -1))
    except (tarfile.TarError, EOFError) as error:
        raise LayerError(f"the store gave a layer that is not a tar: {error}") from None
    return sorted("/" + name for name, stamp in changed.items() if stamp is None or stamps.get(name) != {stamp})


def _sort_entries(members: Iterable[tarfile.TarInfo]) -> list[tuple[tarfile.TarInfo, tarfile.TarInfo | None]]:
    """Sort entries by name, each with the one that holds its data. Of hard links, the first by name is the file."""
    members_by_name = {info.name: info for info in members if not _is_ours(info.name)}
    groups: dict[str, list[str]] = {}
    for info in members_by_name.values():
        if info.islnk():
            groups.setdefault(_find_origin(info, members_by_name), []).append(info.name)
    first: dict[str, tuple[str, tarfile.TarInfo]] = {}
    for origin, links in groups.items():
        names = sorted([origin, *links], key=_order)
        first.update(dict.fromkeys(names, (names[0], members_by_name[origin])))
    return [_pair_entry(members_by_name[name], first.get(name)) for name in sorted(members_by_name, key=_order)]


def _pair_entry(
    info: tarfile.TarInfo, group: tuple[str, tarfile.TarInfo] | None
) -> tuple[tarfile.TarInfo, tarfile.TarInfo | None]:
    if group is None:
        return info, info if info.isreg() else None
    head, data = group
    if info.name != head:
        return _link(info, head), None
    return info if info is data else _make_file(info, data), data


def _link(info: tarfile.TarInfo, target: str) -> tarfile.TarInfo:
    info = copy.copy(info)  # the entry that holds the data is still to be read
    info.type, info.linkname, info.size = tarfile.LNKTYPE, target, 0
    return info


def _make_file(info: tarfile.TarInfo, data: tarfile.TarInfo) -> tarfile.TarInfo:
    info = copy.copy(info)
    info.type, info.linkname, info.size = tarfile.REGTYPE, "", data.size
    return info


def _find_origin(link: tarfile.TarInfo, members: dict[str, tarfile.TarInfo]) -> str:
    target = members.get(link.linkname)
    if target is None or target.islnk():
        raise LayerError(f"the layer links {show_value(link.name)} to {show_value(link.linkname)}, which is not in it")
    return target.name


def _order(name: str) -> tuple[str, ...]:
    """Return the key of a name for sorting: a folder comes before what is in it."""
    return PurePosixPath(name).parts


def _is_ours(name: str) -> bool:
    return any(name == point or name.startswith(point + "/") for point in MOUNT_POINTS)


def _clean(info: tarfile.TarInfo, clamp: int) -> tarfile.TarInfo:
    clean = tarfile.TarInfo(info.name)
    clean.type, clean.linkname, clean.size = info.type, info.linkname, info.size if info.isreg() else 0
    clean.mode, clean.uid, clean.gid = info.mode, info.uid, info.gid
    clean.devmajor, clean.devminor = info.devmajor, info.devminor
    clean.mtime = min(int(info.mtime), clamp)
    # capabilities and the like; times of access and change say when it was built
    clean.pax_headers = {key: value for key, value in info.pax_headers.items() if key.startswith("SCHILY.xattr.")}
    return clean


def _keep_bytecode_valid(info: tarfile.TarInfo, content: BinaryIO, sources: dict[str, int], clamp: int) -> Any:
    """Give bytecode that names its source's time the new time of that source; it would be stale at every start."""
    head = content.read(_PYC_HEADER)
    source = _find_source(info.name)
    by_time = len(head) == _PYC_HEADER and head[4:8] == b"\0\0\0\0"
    time = sources.get(source, -1)
    if by_time and time > clamp and int.from_bytes(head[8:12], "little") == time & 0xFFFFFFFF:
        head = head[:8] + (clamp & 0xFFFFFFFF).to_bytes(4, "little") + head[12:]
    return _PrefixedReader(head, content)


def _find_source(name: str) -> str:
    path = PurePosixPath(name)
    if path.parent.name != "__pycache__":
        return str(path.with_suffix(".py"))
    return str(path.parent.parent / f"{path.name.partition('.')[0]}.py")


class _PrefixedReader(io.RawIOBase):
    """Some bytes, then the rest of a file."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._parts: Iterator[BinaryIO] = iter((io.BytesIO(head), rest))
        self._now: BinaryIO | None = next(self._parts)

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        while self._now is not None:
            data = self._now.read(size)
            if data:
                return data
            self._now = next(self._parts, None)
        return b""

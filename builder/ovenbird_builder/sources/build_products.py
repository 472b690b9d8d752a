"""Recognise by content what an earlier build has written into the source folder, whatever its name: it is no source.

A result file, images as layouts and archives, bundles, bills of materials and provenance. Only those of Ovenbird count:
an image that somebody else has made may be what a function is about.
"""

from __future__ import annotations

import contextlib
import json
import lzma
import os
import stat
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

_HEAD = 512  # bytes: the header of a tar
_MOST = 32 * 1024 * 1024  # bytes of JSON that are read
_MEMBERS = 2000  # of an archive that are looked at
_MARK = b'"dev.ovenbird.'  # in the annotations of each manifest and in the labels of each config
_INDEXES = 20  # of indexes that are looked into
_IMAGE = "an image that Ovenbird has built"
# what a row of a result holds: all of the first, or what `batch` adds to each, which is the second and the third
_RESULT, _ROW, _FUNCTION = {"image", "digest", "changed", "layers", "lock"}, {"image", "function"}, {"target", "path"}
_BUILD = "urn:ovenbird:"
# what JSON of ours holds, whatever its layout: a file without any of these is not parsed
_WORDS = (b'"changed"', b'"target"', b"urn:ovenbird:", b'"ovenbird"')
# of content that only looks like ours
_DAMAGED = (
    tarfile.TarError, OSError, ValueError, EOFError, zlib.error, lzma.LZMAError, RecursionError, KeyError, TypeError,
    AttributeError,
)  # fmt: skip
_Read = Callable[[str], bytes]


def list_streams() -> tuple[Path, ...]:
    """Return the files that stdout and stderr go to, as in `ovenbird build > result.json`: they change meanwhile."""
    paths: list[Path] = []
    for number in (1, 2):
        with contextlib.suppress(OSError):
            if stat.S_ISREG(os.fstat(number).st_mode):
                paths.append(Path(f"/proc/self/fd/{number}").readlink())
    return tuple(paths)


def identify_file(path: Path, size: int) -> str:
    """Return which product of Ovenbird a file is, in words, or "" for any other file."""
    if path.suffix == ".py" or size < _HEAD // 4:
        return ""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            if head.lstrip()[:1] == b"{" and size <= _MOST:
                return _identify_json(head + file.read())
        packed = head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0"))
        if packed or head[257:262] == b"ustar":
            return _identify_tar(path, packed=packed)
    except _DAMAGED:  # no product; an unreadable file is reported when it is copied
        return ""
    return ""


def identify_folder(path: Path) -> str:
    """Return which product of Ovenbird a folder is, in words, or "" for any other folder."""
    if not (path / "oci-layout").is_file():
        return ""

    def read(name: str) -> bytes:
        with (path / name).open("rb") as file:
            return file.read(_MOST)

    try:
        return _IMAGE if _is_layout(read) else ""
    except _DAMAGED:
        return ""


def _identify_json(data: bytes) -> str:
    if not any(word in data for word in _WORDS):
        return ""
    document = json.loads(data)
    rows = document.get("functions", [document])
    if isinstance(rows, list) and any(_is_result(row) for row in rows):
        return "the result of an earlier build"
    if document.get("bomFormat") == "CycloneDX" and _is_made_by_ovenbird(document.get("metadata")):
        return "a bill of materials that Ovenbird has made"
    predicate = document.get("predicate")
    if isinstance(predicate, dict) and isinstance(predicate.get("buildDefinition"), dict):
        kind = predicate["buildDefinition"].get("buildType")
        return "provenance that Ovenbird has made" if str(kind).startswith(_BUILD) else ""
    return ""


def _is_result(row: Any) -> bool:
    """Return whether a mapping is what a build prints of one function, built or failed."""
    if not isinstance(row, dict):
        return False
    function = row.get("function")
    return row.keys() >= _RESULT or (row.keys() >= _ROW and isinstance(function, dict) and function.keys() >= _FUNCTION)


def _is_made_by_ovenbird(metadata: Any) -> bool:
    """Return whether the tools of a bill of materials name Ovenbird, in either form that CycloneDX has."""
    tools = metadata.get("tools") if isinstance(metadata, dict) else None
    rows = tools.get("components") if isinstance(tools, dict) else tools
    return isinstance(rows, list) and any(isinstance(row, dict) and row.get("name") == "ovenbird" for row in rows)


def _identify_tar(path: Path, *, packed: bool) -> str:
    """Return the kind of a tar. A compressed one can only be a bundle: layers of images are compressed already."""
    with tarfile.open(path) as tar:
        first = tar.next()
        if first is None:
            return ""
        if first.name == "bundle.json":
            return "a bundle that Ovenbird has made" if _is_bundle(json.loads(_read_member(tar, first))) else ""
        members = {first.name: first}
        while not packed and len(members) < _MEMBERS and (member := tar.next()) is not None:
            members[member.name] = member

        def read(name: str) -> bytes:
            return _read_member(tar, members[name])

        return _IMAGE if not packed and _is_image(read) else ""


def _read_member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member) if member.isreg() and member.size <= _MOST else None
    return file.read() if file else b""


def _is_bundle(document: Any) -> bool:
    return isinstance(document, dict) and document.keys() >= {"version", "given", "bases", "source"}


def _is_image(read: _Read) -> bool:
    """Return whether an archive holds an image of ours: an OCI layout, or what `docker save` writes."""
    try:
        rows = json.loads(read("manifest.json"))
    except KeyError:
        return _is_layout(read)
    return any(_MARK in read(row["Config"]) for row in rows)


def _is_layout(read: _Read) -> bool:
    """Return whether an OCI layout holds an image of ours, in an index or alone."""
    todo = [json.loads(read("index.json"))]
    for document in todo:
        for row in document.get("manifests", ()):
            data = read(f"blobs/{row['digest'].replace(':', '/')}")
            if _MARK in data:
                return True
            if len(todo) < _INDEXES and b'"manifests"' in data:
                todo.append(json.loads(data))
    return False

"""One requirement as a person writes it, and files of them: parsed, checked, each with where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ovenbird.common.redact import redact_text
from ovenbird.common.text import show_value

from ..errors import LockError

_OPTION = re.compile(r"(--?[A-Za-z][A-Za-z-]*)(?:[= ]\s*(.*))?$")
_INCLUDES = {"-r": "wanted", "--requirement": "wanted", "-c": "constraints", "--constraint": "constraints"}
_INDEX = ("-i", "--index-url", "--extra-index-url", "--find-links", "-f", "--no-index", "--trusted-host", "--pypi-url")
_HASH = re.compile(r"\s--hash[= ]sha256:([0-9a-f]{64})(?=\s|$)")
_REMOTE = re.compile(r"(git\+(https?|ssh|file)|https?)://[^\s]+$")
_FILE_LIMIT = 1024 * 1024  # bytes of a requirements file
_INCLUDED, _DEPTH = 1000, 50  # files that one may include, and within each other


class Wanted(Struct, frozen=True):
    """One requirement: its normalised text, where it stands, the name (empty until a URL or path is built).

    `hashes` are those that the user allows; `origin` is a URL or `file:PATH` that a wheel is built from.
    """

    text: str
    where: str
    name: str = ""
    hashes: tuple[str, ...] = ()
    origin: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""


@dataclass(slots=True)
class Listing:
    """What a requirements file asks for, with all that it includes."""

    wanted: list[Wanted] = field(default_factory=list)
    constraints: list[Wanted] = field(default_factory=list)
    pre: bool = False
    files: int = 0  # that were included


def requirement(text: str, where: str, root: Path) -> Wanted:
    """One requirement from its text. A path is below `root`. Errors: LockError that says where it stands."""
    if any(mark in text for mark in "\n\r\0"):
        raise LockError(f"{where}: a requirement is one line, found {show_value(text)}")
    text = text.strip()
    if text.startswith("-"):
        raise LockError(
            f"{where}: expected a requirement, found the option {show_value(redact_text(text))}", hint="NAME>=VERSION"
        )
    found = [f"sha256:{one}" for one in _HASH.findall(text)]
    text = _HASH.sub(" ", text).strip()
    if re.search(r"(^|\s)--?[A-Za-z]", text):
        raise LockError(f"{where}: an option has no place in a requirement, found {show_value(redact_text(text))}")
    if _REMOTE.match(text) or (_is_path(text) and " @ " not in text):
        return _located(text, where, root, tuple(found))
    try:
        parsed = Requirement(text)
    except InvalidRequirement as error:
        why = str(error).partition("\n")[0]
        raise LockError(
            f"{where}: {show_value(redact_text(text))} is not a requirement: {why}", hint="NAME>=VERSION, PEP 508"
        ) from None
    name, marker = canonicalize_name(parsed.name), str(parsed.marker or "")
    extras = tuple(sorted(map(canonicalize_name, parsed.extras)))
    if parsed.url:
        one = _located(parsed.url, where, root, tuple(found))
        return Wanted(f"{name} @ {one.origin}", where, name, one.hashes, one.origin, extras, marker)
    brackets = f"[{','.join(extras)}]" if extras else ""
    words = f"{name}{brackets}{parsed.specifier}" + (f"; {marker}" if marker else "")
    return Wanted(words, where, name, tuple(sorted(found)), "", extras, marker)


def read(path: Path, root: Path, *, indexes: tuple[str, ...] = (), label: str = "") -> Listing:
    """A requirements file and what it includes, all below `root`; index options only where they equal `indexes`.

    Errors: LockError, with file and line.
    """
    listing = Listing()
    _read(path, root.resolve(), listing, "wanted", indexes, (), label)
    return listing


def _read(
    path: Path, root: Path, into: Listing, kind: str, indexes: tuple[str, ...], above: tuple[Path, ...], label: str = ""
) -> None:
    real = path.resolve()
    label = label or (str(real.relative_to(root)) if real.is_relative_to(root) else str(path))
    if real in above:
        raise LockError(f"{label} includes itself")
    try:
        if real.stat().st_size > _FILE_LIMIT:
            raise LockError(f"{label} is larger than {_FILE_LIMIT} bytes")
        text = real.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise LockError(f"cannot read the requirements {show_value(label)}: {why}") from None
    for number, line in _lines(text):
        where = f"{label} line {number}"
        option = _OPTION.match(line)
        if not option:
            one = requirement(line, where, root if real.is_relative_to(root) else real.parent)
            (into.wanted if kind == "wanted" else into.constraints).append(one)
        elif option[1] in _INCLUDES:
            other = _below(root if real.is_relative_to(root) else real.parent, real.parent, option[2] or "", where)
            into.files += 1
            if into.files > _INCLUDED or len(above) > _DEPTH:
                raise LockError(f"{where}: more than {_INCLUDED} files are included, or {_DEPTH} within each other")
            _read(other, root, into, _INCLUDES[option[1]] if kind == "wanted" else kind, indexes, (*above, real))
        else:
            _option(option[1], (option[2] or "").strip(), where, into, indexes)


def _lines(text: str) -> list[tuple[int, str]]:
    """Logical lines with the number of their first, comments dropped."""
    found, start, held = [], 0, ""
    for number, raw in enumerate(text.splitlines(), 1):
        start = start or number
        line = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        held += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        if held.strip():
            found.append((start, held.strip()))
        start, held = 0, ""
    return [*found, (start, held.strip())] if held.strip() else found


def _option(name: str, value: str, where: str, into: Listing, indexes: tuple[str, ...]) -> None:
    if name in ("-e", "--editable"):
        raise LockError(
            f"{where}: an editable install cannot be part of an image", hint=f"write {show_value(value)} without -e"
        )
    if name in _INDEX:
        if value.rstrip("/") in indexes:
            return
        raise LockError(
            f"{where}: {name} in a file of the source is not followed: it may not choose where packages come from",
            hint="give it yourself: --index-url or --extra-index-url",
        )
    if name == "--pre":
        into.pre = True
    elif name != "--prefer-binary":
        raise LockError(f"{where}: the option {name} has no meaning here")


def _is_path(text: str) -> bool:
    """Whether this names a file or folder rather than a distribution."""
    return text.startswith((".", "/", "file:")) or text.endswith((".whl", ".tar.gz", ".zip", "/"))


def _located(text: str, where: str, root: Path, hashes: tuple[str, ...]) -> Wanted:
    """A requirement given as URL or path."""
    if _REMOTE.match(text):
        if re.match(r"[a-z+]+://[^/@]*:[^/@]*@|(git\+)?https?://[^/@]+@", text, re.IGNORECASE):
            raise LockError(f"{where}: a password has no place in a requirement", hint="use .netrc")
        egg = re.search(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)", text)
        origin = re.sub(r"([#&])egg=[^&]*&?", r"\1", text).rstrip("#&")
        if "://-" in origin or "@-" in origin:
            raise LockError(f"{where}: {show_value(text)} holds what looks like an option")
        return Wanted(origin, where, canonicalize_name(egg[1]) if egg else "", hashes, origin)
    if re.match(r"[a-z0-9+]+:", text) and not text.startswith("file:"):
        raise LockError(
            f"{where}: {show_value(text)} is of no form that is followed", hint="git+https://, git+ssh://, https://"
        )
    path = _below(root.resolve(), root, text.removeprefix("file:").removeprefix("//"), where)
    if not _exists(path):
        raise LockError(f"{where}: there is no {show_value(text)} in the source")
    origin = f"file:{path.relative_to(root.resolve()).as_posix()}"
    return Wanted(origin, where, "", hashes, origin)


def _below(root: Path, folder: Path, text: str, where: str) -> Path:
    """The path that a text names from `folder`, which lies below `root`. Errors: LockError for one that does not."""
    try:
        path = (folder / text.strip()).resolve()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, links in a circle
        raise LockError(f"{where}: {show_value(text)} is not a path") from None
    if not path.is_relative_to(root):
        raise LockError(f"{where}: {show_value(text)} lies outside of the source")
    return path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # its name is too long
        return False

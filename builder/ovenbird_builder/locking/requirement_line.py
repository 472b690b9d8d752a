"""One requirement as a person writes it: a name with versions, a URL, a path; parsed and checked."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace
from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidName, canonicalize_name

from ovenbird.common.redact import redact_text
from ovenbird.common.text import show_value

from ..errors import LockError
from . import file_options
from .shared_code import OutsideError, find_boundary

_HASH = re.compile(r"\s--hash[= ]\s*(sha256:[0-9a-fA-F]{64})(?=\s|$)")  # by far the most frequent option
_OPTION = re.compile(r"(?:^|\s)--?[A-Za-z]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_REMOTE = re.compile(r"(git\+(https?|ssh|file)|https?)://[^\s]+$", re.IGNORECASE)
_NAMED_URL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\]\s*)?@")  # `name[extra] @ URL` of PEP 508
_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:[\w./~-]+(?:\.git)?$", re.ASCII)  # `git@host:path`, as git clone takes it
_ARCHIVES = (
    ".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lzma", ".tar.lz", ".tlz",
)  # fmt: skip
_LONGEST_PATH = 4096  # characters, as Linux has it; to resolve a longer one takes the square of its length


class RequirementLine(Struct, frozen=True):
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


def parse_requirement(text: str, where: str, root: Path) -> RequirementLine:
    """Return one requirement of its text. A path is below `root`. Errors: LockError that says where it stands."""
    if any(mark in text for mark in "\n\r\0"):
        raise LockError(f"{where}: a requirement is one line, found {show_value(text)}")
    text = text.strip()
    if text.startswith("-"):
        raise LockError(
            f"{where}: expected a requirement, found the option {show_value(redact_text(text))}", hint="`NAME>=VERSION`"
        )
    text, hashes = _split_hashes(text, where)
    text = _fill_project_root(text, root)
    file_options.check_variables(text, where)
    words, marker = _split_marker(text, where)
    if _REMOTE.match(words) or _is_path(words):
        return _parse_located(words, where, root, hashes, marker)
    try:
        parsed = Requirement(text)
    except (InvalidRequirement, RecursionError) as error:
        why = str(error).partition("\n")[0]
        raise LockError(
            f"{where}: {show_value(redact_text(text))} is not a requirement: {why}", hint=_suggest_form(words)
        ) from None
    name, marker = canonicalize_name(parsed.name), str(parsed.marker or "")
    extras = tuple(sorted(map(canonicalize_name, parsed.extras)))
    if parsed.url:
        if not _REMOTE.match(parsed.url) and _SCP.match(words):
            raise LockError(f"{where}: {show_value(words)} is not a URL", hint=_suggest_form(words))
        line = _parse_located(parsed.url, where, root, hashes, marker)
        return replace(
            line, text=_format_text(f"{name}{_format_extras(extras)} @ {line.origin}", marker), name=name, extras=extras
        )
    words = _format_text(f"{name}{_format_extras(extras)}{parsed.specifier}", marker)
    return RequirementLine(words, where, name, hashes, "", extras, marker)


def parse_editable(text: str, where: str, root: Path) -> RequirementLine:
    """Return the requirement of `-e`, quoted or not: an image holds a copy, so it is built like any other."""
    words, marker = text, ""
    if "'" in text or '"' in text or "\\" in text:
        words, semicolon, marker = text.partition(";")
        try:
            words = " ".join(shlex.split(words))
        except ValueError as error:
            raise LockError(f"{where}: {show_value(redact_text(text))} cannot be read: {error}") from None
        marker = f" ;{marker}" if semicolon else ""
    bare = words + marker
    if not (_REMOTE.match(_split_marker(bare, where)[0]) or _is_path(words) or _NAMED_URL.match(words)):
        location, extras = _split_extras(words)
        bare = f"./{location}{extras}{marker}" if path_exists(root / location) else bare
    line = parse_requirement(bare, where, root)
    if not line.origin:
        raise LockError(
            f"{where}: `-e` takes a folder or the URL of a repository, found {show_value(redact_text(text))}",
            hint="write a name without `-e`",
        )
    return line


def add_markers(line: RequirementLine, markers: Collection[str]) -> RequirementLine:
    """Return a requirement that counts only where these markers are true as well."""
    if not markers:
        return line
    both = str(Marker(" and ".join(f"({marker})" for marker in sorted({*markers, line.marker} - {""}))))
    words = line.text.removesuffix(f"; {line.marker}") if line.marker else line.text
    return replace(line, text=_format_text(words, both), marker=both)


def _split_hashes(text: str, where: str) -> tuple[str, tuple[str, ...]]:
    """Return a requirement without its `--hash` options, and these, sorted. Errors: LockError for another option."""
    hashes = [line.lower() for line in _HASH.findall(text)]
    text = _HASH.sub(" ", text).strip()
    if begins := _OPTION.search(text):
        text, words = text[: begins.start()].strip(), text[begins.start() :].strip()
        options = file_options.parse_hashes(words, where)
        hashes += [file_options.check_hash(value, where) for value in options]
    return text, tuple(sorted(set(hashes)))


def _split_marker(text: str, where: str) -> tuple[str, str]:
    """Return a URL or a path and its marker, normalised; another requirement whole. Errors: LockError for no marker."""
    url = _SCHEME.match(text) is not None
    words, separator, marker = text.partition(" ;") if url else text.partition(";")
    if url and not separator:
        words, separator, marker = text.partition("; ")
    words = words.strip()
    if not separator or not (_REMOTE.match(words) or _is_path(words)):
        return words, ""
    try:
        return words, str(Marker(marker.strip()))
    except (InvalidMarker, RecursionError) as error:
        why = str(error).partition("\n")[0]
        raise LockError(f"{where}: {show_value(marker.strip())} is not a marker: {why}") from None


def _split_extras(text: str) -> tuple[str, str]:
    """Return `./lib` and `[x]` of `./lib[x]`."""
    begin = text.rfind("[") if text.endswith("]") else 0
    return (text[:begin].rstrip(), text[begin:]) if begin > 0 else (text, "")


def _is_path(text: str) -> bool:
    """Return whether a text names a file or folder rather than a distribution."""
    if _NAMED_URL.match(text):
        return False
    location, _ = _split_extras(text.partition("#")[0])
    if location.startswith((".", "/", "file:")) or location.lower().endswith(_ARCHIVES):
        return True
    return "/" in location and not _SCHEME.match(location) and not re.search(r"[=<>~!]", location)


def _parse_located(text: str, where: str, root: Path, hashes: tuple[str, ...], marker: str) -> RequirementLine:
    """Return a requirement given as URL or path, with its extras behind it or in `#egg=`."""
    text, brackets = _split_extras(text)
    location, _, fragment = text.partition("#")
    parts = [part.partition("=")[::2] for part in fragment.split("&") if part]
    egg = unquote(next((value for key, value in parts if key == "egg"), ""))
    name, more = _split_extras(egg)
    extras = _parse_extras(brackets, where) + _parse_extras(more, where)
    try:
        name = canonicalize_name(name, validate=True) if name else ""
    except InvalidName:
        raise LockError(
            f"{where}: `#egg=` {show_value(egg)} is not the name of a package", hint="`#egg=NAME`"
        ) from None
    rest = "&".join(f"{key}={value}" if value else key for key, value in parts if key != "egg")
    if _REMOTE.match(location):
        origin = _check_url(location + (f"#{rest}" if rest else ""), where)
    elif _SCHEME.match(location) and not location.startswith("file:"):
        raise LockError(
            f"{where}: {show_value(redact_text(text))} is not a supported form of requirement",
            hint="`git+https://`, `git+ssh://`, `https://`",
        )
    else:
        fragment_hashes = (
            file_options.check_hash(":".join(part), where) for part in parts if part[0].startswith("sha")
        )
        hashes = tuple(sorted({*hashes, *fragment_hashes}))
        folder = unquote(next((value for key, value in parts if key == "subdirectory"), ""))
        origin = _resolve_path(text, unquote_file(location) + (f"/{folder}" if folder else ""), where, root)
    extras = tuple(sorted(set(extras)))
    text_shown = f"{name}{_format_extras(extras)} @ {origin}" if name and extras else origin + _format_extras(extras)
    return RequirementLine(_format_text(text_shown, marker), where, name, hashes, origin, extras, marker)


def _check_url(url: str, where: str) -> str:
    """Return a URL, its scheme in lower case. Errors: LockError for a URL with a login, or an option."""
    if re.match(r"[a-z+]+://[^/@]*:[^/@]*@|(git\+)?https?://[^/@]+@", url, re.IGNORECASE):
        raise LockError(f"{where}: a password must not be in a requirement", hint="use .netrc")
    if "://-" in url or "@-" in url:
        raise LockError(f"{where}: {show_value(url)} looks like an option")
    scheme, _, rest = url.partition("://")
    return f"{scheme.lower()}://{rest}"


def _resolve_path(text: str, location: str, where: str, root: Path) -> str:
    """Return `file:` and a path below the root. Errors: LockError for a path outside of it, or a missing one."""
    path = resolve_below(root.resolve(), root, location, where)
    if not path_exists(path):
        raise LockError(f"{where}: there is no {show_value(text)} in the source")
    return f"file:{Path(os.path.relpath(path, root.resolve())).as_posix()}"


def unquote_file(text: str) -> str:
    """Return the path of a `file:` URL; another text as it is."""
    if not text.startswith("file:"):
        return text
    return unquote(text.removeprefix("file:").removeprefix("//localhost/").removeprefix("//"))


def _fill_project_root(text: str, root: Path) -> str:
    """Put the folder of the source in place of what PDM and Hatch write for it in a URL."""
    folder = root.resolve().as_posix()
    return text.replace("file:///${PROJECT_ROOT}", f"file://{folder}").replace("{root:uri}", f"file://{folder}")


def _parse_extras(brackets: str, where: str) -> tuple[str, ...]:
    """Return the names of extras in brackets, normalised. Errors: LockError."""
    words = [word.strip() for word in brackets[1:-1].split(",") if word.strip()]
    try:
        return tuple(canonicalize_name(word, validate=True) for word in words)
    except InvalidName:
        raise LockError(f"{where}: expected names of extras, found {show_value(brackets)}") from None


def _format_extras(extras: tuple[str, ...]) -> str:
    return f"[{','.join(extras)}]" if extras else ""


def _format_text(words: str, marker: str) -> str:
    return words + (f"; {marker}" if marker else "")


def _suggest_form(words: str) -> str:
    """Return a hint of the form to write instead."""
    if _SCP.match(words):
        host, _, path = words.partition(":")
        return f"`git+ssh://{host}/{path}`"
    if words[:1] in "'\"":
        return "without quotes: `NAME>=VERSION`, PEP 508"
    return "`NAME>=VERSION`, PEP 508"


def resolve_below(root: Path, folder: Path, text: str, where: str) -> Path:
    """Return the path that a text names from `folder`, below `root`. Errors: LockError for a path elsewhere."""
    try:
        if len(text) > _LONGEST_PATH:
            raise ValueError
        path = (folder / text.strip()).resolve()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, links in a circle
        raise LockError(f"{where}: {show_value(text)} is not a path") from None
    if not path.is_relative_to(find_boundary(root, path)):
        raise OutsideError(
            f"{where}: {show_value(text)} lies outside of the source",
            hint="a folder of the same repository may be named where the source is a folder of this machine",
        )
    return path


def path_exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # its name is too long
        return False

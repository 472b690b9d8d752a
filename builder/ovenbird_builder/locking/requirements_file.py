"""One requirement as a person writes it, and files of them: parsed, checked, each with where it stands."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass, field
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
from .requirements_text import FILE_LIMIT, read_text, split_lines
from .shared_code import OutsideError, find_boundary

_HASH = re.compile(r"\s--hash[= ]\s*(sha256:[0-9a-fA-F]{64})(?=\s|$)")  # by far the most frequent option
_OPTION = re.compile(r"(?:^|\s)--?[A-Za-z]")
_EDITABLE = re.compile(r"(?:-e[ =]?|--e(?:d(?:i(?:t(?:a(?:b(?:l(?:e)?)?)?)?)?)?)?[ =])\s*(.+)$")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_REMOTE = re.compile(r"(git\+(https?|ssh|file)|https?)://[^\s]+$", re.IGNORECASE)
_WEB = re.compile(r"https?:/", re.IGNORECASE)  # one slash: `Path` takes the second away
_NAMED_URL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\]\s*)?@")  # `name[extra] @ URL` of PEP 508
_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:[\w./~-]+(?:\.git)?$", re.ASCII)  # `git@host:path`, as git clone takes it
_ARCHIVES = (
    ".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lzma", ".tar.lz", ".tlz",
)  # fmt: skip
_LONGEST_PATH = 4096  # characters, as Linux has it; to resolve a longer one takes the square of its length
_INCLUDED, _DEPTH = 1000, 50  # files that one may include, and within each other


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


@dataclass(slots=True)
class RequirementsFile:
    """What a requirements file asks for, with all that it includes.

    `only_binary` are names (`:all:` for all) of which only wheels are taken, `find_links` folders below the root that
    hold further files; `notes` say what was taken otherwise than it is written.
    """

    requirements: list[RequirementLine] = field(default_factory=list)
    constraints: list[RequirementLine] = field(default_factory=list)
    pre: bool = False
    only_binary: tuple[str, ...] = ()
    require_hashes: bool = False
    find_links: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: int = 0  # that were included
    size: int = 0  # characters of all files


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


def add_markers(line: RequirementLine, markers: Collection[str]) -> RequirementLine:
    """Return a requirement that counts only where these markers are true as well."""
    if not markers:
        return line
    both = str(Marker(" and ".join(f"({marker})" for marker in sorted({*markers, line.marker} - {""}))))
    words = line.text.removesuffix(f"; {line.marker}") if line.marker else line.text
    return replace(line, text=_format_text(words, both), marker=both)


def read_requirements(
    path: Path, root: Path, *, indexes: tuple[str, ...] = (), label: str = "", kind: str = "requirements"
) -> RequirementsFile:
    """Return a requirements file with all that it includes, below `root`; index options must equal `indexes`.

    `kind` is `constraints` for a file that only limits.
    Errors: LockError, with file and line.
    """
    if _WEB.match(str(path)):
        raise _remote_file_error(str(path).replace(":/", "://", 1), "")
    reader = _Reader(root.resolve(), indexes, RequirementsFile())
    _read_file(reader, path, kind, (), label)
    return reader.listing


@dataclass(slots=True)
class _Reader:
    """What reading a file and all that it includes has in common: the root, the indexes, and what is filled."""

    root: Path
    indexes: tuple[str, ...]
    listing: RequirementsFile


def _read_file(reader: _Reader, path: Path, kind: str, above: tuple[Path, ...], label: str = "") -> None:
    """Read a file into the listing; `above` are the files that include it."""
    root, into = reader.root, reader.listing
    real = path.resolve()
    label = label or (str(real.relative_to(root)) if real.is_relative_to(root) else str(path))
    if real in above:
        raise LockError(f"{label} includes itself")
    text = read_text(real, label)
    into.size += len(text)
    if into.size > FILE_LIMIT:
        raise LockError(f"{label}: the requirements files are together larger than {FILE_LIMIT} characters")
    base = root if real.is_relative_to(find_boundary(root, real)) else real.parent
    for number, line in split_lines(text):
        where = f"{label} line {number}"
        if match := _EDITABLE.match(line):
            requirement = _parse_editable(match[1], where, base, into)
            _add_line(requirement, kind, into)
        elif not line.startswith("-"):
            _add_line(parse_requirement(line, where, base), kind, into)
        else:
            options = file_options.parse_options(line, where)
            for other, sort in _list_included(options, where, real.parent, base):
                into.files += 1
                if into.files > _INCLUDED or len(above) > _DEPTH:
                    raise LockError(f"{where}: more than {_INCLUDED} files are included, or {_DEPTH} within each other")
                _read_file(reader, other, sort if kind == "requirements" else kind, (*above, real))
            file_options.apply_options(options, where, into, reader.indexes)
            into.find_links += [
                _find_links_folder(value, where, real.parent, base) for value in options.find_links or ()
            ]


def _add_line(line: RequirementLine, kind: str, into: RequirementsFile) -> None:
    """Add a requirement or a constraint. Errors: LockError for a constraint that cannot be one, as with pip."""
    if kind == "requirements":
        into.requirements.append(line)
        return
    if line.origin or line.extras:
        feature = "a URL or a path" if line.origin else "extras"
        raise LockError(
            f"{line.where}: a constraint limits the versions of a name, found {show_value(line.text)} with {feature}",
            hint="name it in the requirements",
        )
    into.constraints.append(line)


def _parse_editable(text: str, where: str, root: Path, into: RequirementsFile) -> RequirementLine:
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
        bare = f"./{location}{extras}{marker}" if _exists(root / location) else bare
    line = parse_requirement(bare, where, root)
    if not line.origin:
        raise LockError(
            f"{where}: `-e` takes a folder or the URL of a repository, found {show_value(redact_text(text))}",
            hint="write a name without `-e`",
        )
    into.notes.append(f"{where}: {line.text} is installed as a copy, although `-e` asks for an editable install")
    return line


def _list_included(options: object, where: str, folder: Path, base: Path) -> list[tuple[Path, str]]:
    """Return the files that a line includes, each with what its lines are. Errors: LockError outside of the source."""
    files = []
    for kind, name in (("requirements", "requirements"), ("constraints", "constraints")):
        for value in getattr(options, name) or ():
            file_options.check_variables(value, where)
            if _WEB.match(value):
                raise _remote_file_error(value, f"{where}: ")
            files.append((_resolve_below(base, folder, _unquote_file(value), where), kind))
    return files


def _remote_file_error(url: str, where: str) -> LockError:
    redacted = show_value(redact_text(url))
    return LockError(
        f"{where}{redacted} is a URL, which is not read: its content may differ from build to build",
        hint="keep a copy beside the source: `curl -o constraints.txt URL`",
    )


def _find_links_folder(value: str, where: str, folder: Path, base: Path) -> str:
    """Return the folder of the source that `--find-links` names, relative to `base`. Errors: LockError."""
    file_options.check_variables(value, where)
    if _SCHEME.match(value) and not value.startswith("file:"):
        raise LockError(
            f"{where}: `--find-links` in a file of the source is followed to a folder of the source only, found"
            f" {show_value(redact_text(value))}: it may not choose where packages come from",
            hint="give an index yourself: `--index-url` or `--extra-index-url`",
        )
    text = _unquote_file(value)
    path = _resolve_below(base, folder, text, where)
    path = path if _exists(path) else _resolve_below(base, base, text, where)
    if not path.is_dir():
        raise LockError(f"{where}: there is no folder {show_value(value)} in the source")
    return Path(os.path.relpath(path, base.resolve())).as_posix()


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
        origin = _resolve_path(text, _unquote_file(location) + (f"/{folder}" if folder else ""), where, root)
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
    path = _resolve_below(root.resolve(), root, location, where)
    if not _exists(path):
        raise LockError(f"{where}: there is no {show_value(text)} in the source")
    return f"file:{Path(os.path.relpath(path, root.resolve())).as_posix()}"


def _unquote_file(text: str) -> str:
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
    """Return what to write instead."""
    if _SCP.match(words):
        host, _, path = words.partition(":")
        return f"git+ssh://{host}/{path}"
    if words[:1] in "'\"":
        return "without quotes: NAME>=VERSION, PEP 508"
    return "NAME>=VERSION, PEP 508"


def _resolve_below(root: Path, folder: Path, text: str, where: str) -> Path:
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


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # its name is too long
        return False

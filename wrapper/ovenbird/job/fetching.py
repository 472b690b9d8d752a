"""The source of a function that the platform names by URL.

`http(s)://`, `s3://`, archives as `zip+` of these, and `git+http(s)://`.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from .. import giturl
from ..common.redact import redact_url
from ..common.text import show_value
from ..document import Function
from ..errors import LoadError, OvenbirdError, UnservedError
from ..platform import files
from ..platform.material import scratch

_FORMS = ("http://", "https://", "s3://")
MEMBERS = 50_000
BYTES = 2 * 1024**3  # of all that an archive unpacks to
_RATIO = 500  # text seldom shrinks by more than 20; beyond this a member is made to fill a disk
_SMALL = 1024 * 1024  # bytes; below it a ratio says nothing


def fetched(function: Function, environ: Mapping[str, str]) -> Path:
    """The folder that holds the function's source, in a temporary place. Errors: LoadError."""
    url = function.source
    if url.startswith("git+"):
        return _repository(url, environ)
    plain = url.removeprefix("zip+")
    if not plain.startswith(_FORMS):
        raise UnservedError(
            f"the source {show_value(redact_url(url))} cannot be fetched when a run starts",
            hint="http(s)://, s3://, zip+ of these, git+http(s)://, or inline",
        )
    folder = scratch()
    try:
        if plain != url:
            archive = folder / "source.zip"
            files.download(plain, archive, environ)
            unpack(archive, folder / "source", redact_url(url))
            return folder / "source"
        name = "" if plain.endswith("/") else _file_name(plain, function)
        files.download(plain, folder / name if name else folder, environ)
        return folder
    except LoadError:
        raise
    except OvenbirdError as error:
        raise LoadError(f"the source was not fetched: {error.message}", hint=error.hint) from error


def _repository(url: str, environ: Mapping[str, str]) -> Path:
    """The folder that holds a git source."""
    found = giturl.parse(url)
    if found.scheme not in ("http", "https"):
        raise UnservedError(
            f"the source {show_value(found.shown)} cannot be fetched when a run starts: git over"
            f" {found.scheme} is not spoken",
            hint="git+https:// with GIT_TOKEN; or the platform, or a build, puts the source in place",
        )
    try:
        from . import repository
    except ImportError as error:
        hint = "pip install 'ovenbird[platform]'"
        raise UnservedError(f"a git source needs the package dulwich: {error}", hint=hint) from None
    folder = scratch() / "source"
    repository.fetch(found, folder, environ)
    return folder


def _file_name(url: str, function: Function) -> str:
    """What a source of one file is called: its own name, or `main.py` where the handler names no module."""
    if ":" not in function.handler:
        return f"{function.default_module}.py"
    name = PurePosixPath(url.partition("?")[0]).name
    if not name.endswith(".py"):
        raise LoadError(
            f"the source {show_value(redact_url(url))} is no .py file", hint="zip+ before the address of an archive"
        )
    return name


def unpack(archive: Path, target: Path, shown: str) -> None:
    """Unpack a zip below `target`. Errors: LoadError for members that would leave it, are links, or fill the disk."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _check(members, shown)
            for member in members:
                opened.extract(member, target)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise LoadError(f"the source {show_value(shown)} is no archive that can be unpacked: {error}") from None
    except OSError as error:
        raise LoadError(f"the source {show_value(shown)} was not unpacked: {error.strerror or error}") from error


def _check(members: list[zipfile.ZipInfo], shown: str) -> None:
    total = sum(member.file_size for member in members)
    if len(members) > MEMBERS or total > BYTES:
        raise LoadError(
            f"the source {show_value(shown)} holds {len(members)} files of {total} bytes: too much for a function"
        )
    for member in members:
        path, mode = PurePosixPath(member.filename.replace("\\", "/")), member.external_attr >> 16
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0:1]:
            raise LoadError(
                f"the source {show_value(shown)} holds {show_value(member.filename)}, which leaves its folder"
            )
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise LoadError(
                f"the source {show_value(shown)} holds {show_value(member.filename)}, which is neither file nor folder"
            )
        if member.file_size > _SMALL and member.file_size > _RATIO * max(member.compress_size, 1):
            raise LoadError(
                f"the source {show_value(shown)} holds {show_value(member.filename)}, which unpacks"
                f" to {member.file_size} bytes"
            )

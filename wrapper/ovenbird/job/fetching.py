"""The source of a function that the platform names by URL.

`http(s)://`, `s3://`, archives as `zip+` of these, and `git+http(s)://`.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from .. import giturl
from ..common.redact import redact_url
from ..common.source_limits import FILES, SIZE, SourceLimits, read_limits
from ..common.text import show_value
from ..common.tree_names import describe_link
from ..common.zip_extract import ZipError, ZipLimits, extract_zip
from ..document import Function
from ..errors import LoadError, OvenbirdError, UnservedError
from ..platform import files
from ..platform.material import scratch

_FORMS = ("http://", "https://", "s3://", "s3a://", "s3n://")
_HINT = f"{SIZE} and {FILES} say how large a source may be"


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
    limits = read_limits(environ)
    folder = scratch()
    limit = files.TransferLimit(limits.size, _HINT)
    try:
        if plain != url:
            archive = folder / "source.zip"
            files.download(plain, archive, environ, limit=limit)
            unpack(archive, folder / "source", redact_url(url), limits)
            return folder / "source"
        name = "" if plain.endswith("/") else _file_name(plain, function)
        files.download(plain, folder / name if name else folder, environ, limit=limit)
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


def unpack(archive: Path, target: Path, shown: str, limits: SourceLimits) -> None:
    """Unpack a zip below `target`. Errors: LoadError, for what `extract_zip` refuses and for links out."""
    try:
        links = extract_zip(archive, target, ZipLimits(limits.size, limits.files, _HINT))
        for path in links:
            if problem := describe_link(target, path):
                raise ZipError(f"the link {show_value(path)} {problem}", "put the files themselves there")
    except ZipError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise LoadError(f"the source {show_value(shown)} {error.message}", hint=error.hint) from None
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise LoadError(f"the source {show_value(shown)} was not unpacked: {error.strerror or error}") from error

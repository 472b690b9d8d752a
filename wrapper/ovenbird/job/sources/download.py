"""Download the source of a function by the URL that the platform names.

`http(s)://`, `s3://`, archives as `zip+` of these, and `git+http(s)://`.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ...common import git_url
from ...common.archive_checks import ArchiveError, ArchiveLimits
from ...common.archive_extract import extract_archive, find_root, is_archive
from ...common.archive_names import is_archive_name, split_folder
from ...common.redact import redact_source
from ...common.source_limits import FILES, SIZE, SourceLimits, read_limits
from ...common.temporary_folders import make_temporary_folder
from ...common.text import show_value
from ...common.tree_names import describe_link
from ...errors import LoadError, OvenbirdError, UnsupportedRunError
from ...function_document import FunctionSpec
from ...platform.storage import files
from ...platform.storage.transfer_limit import TransferLimit

_FORMS = ("http://", "https://", "s3://", "s3a://", "s3n://")
_HINT = f"`{SIZE}` and `{FILES}` say how large a source may be"


def download_source(function: FunctionSpec, environ: Mapping[str, str]) -> Path:
    """Download the function's source to a temporary folder, and return the folder. Errors: LoadError."""
    url = function.source
    if url.startswith("git+"):
        return fetch_repository(url, environ)
    plain, _ = split_folder(url.removeprefix("zip+"))
    if not plain.startswith(_FORMS):
        raise UnsupportedRunError(
            f"the source {show_value(redact_source(url))} cannot be fetched when a run starts",
            hint="`http(s)://`, `s3://`, `zip+` of these, `git+http(s)://`, or inline",
        )
    limits = read_limits(environ)
    folder = make_temporary_folder()
    limit = TransferLimit(limits.size, _HINT)
    try:
        if plain.endswith("/") and not url.startswith("zip+"):
            files.download(plain, folder, environ, limit=limit)
            return folder
        is_packed = url.startswith("zip+") or is_archive_name(plain.partition("?")[0])
        name = "" if is_packed else _file_name(plain, function)
        path = folder / "download"
        files.download(plain, path, environ, limit=limit)
        if is_packed or is_archive(path):
            return unpack(path, folder / "source", function, limits)
        (folder / "source").mkdir()
        return path.rename(folder / "source" / name).parent
    except LoadError:
        raise
    except OvenbirdError as error:
        raise LoadError(f"the source was not fetched: {error.message}", hint=error.hint) from error


def fetch_repository(url: str, environ: Mapping[str, str]) -> Path:
    """Fetch a git source to a temporary folder, and return the folder. Errors: LoadError, SourceUrlError."""
    source = git_url.parse(url)
    if source.scheme not in ("http", "https"):
        raise UnsupportedRunError(
            f"the source {show_value(source.display_url)} cannot be fetched when a run starts: git over"
            f" {source.scheme} is not supported",
            hint="`git+https://` with `GIT_TOKEN`; or the platform, or a build, puts the source in place",
        )
    try:
        from . import git_fetch
    except ImportError as error:
        from ...common.install_hint import format_install_command

        hint = format_install_command("platform")
        raise UnsupportedRunError(f"a git source needs the package `dulwich`: {error}", hint=hint) from None
    folder = make_temporary_folder() / "source"
    git_fetch.fetch(source, folder, environ)
    return folder


def _file_name(url: str, function: FunctionSpec) -> str:
    """Return the name for a source of one file: from its URL, or `main.py` if the handler names no module."""
    if ":" not in function.handler:
        return f"{function.default_module}.py"
    name = PurePosixPath(url.partition("?")[0]).name
    if not name.endswith(".py"):
        raise LoadError(
            f"the source {show_value(redact_source(url))} is not a `.py` file",
            hint="`zip+` before the address of an archive",
        )
    return name


def unpack(archive: Path, target: Path, function: FunctionSpec, limits: SourceLimits) -> Path:
    """Unpack an archive below `target`, and return the folder of the function in it.

    Errors: LoadError for all that `extract_archive` and `find_root` refuse, and for a link that leaves that folder.
    """
    url = show_value(redact_source(function.source))
    name = PurePosixPath(split_folder(function.source)[0].partition("?")[0]).name
    module = function.handler.rpartition(":")[0] or function.default_module
    try:
        links = extract_archive(archive, target, ArchiveLimits(limits.size, limits.files, _HINT), name=name)
        root = find_root(target, function.archive_folder, module)
        for path in links:
            link = target / path
            if link.is_relative_to(root) and (problem := describe_link(root, str(link.relative_to(root)))):
                raise ArchiveError(f"the link {show_value(path)} {problem}", "put the files themselves there")
    except ArchiveError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise LoadError(f"the source {url} {error.message}", hint=error.hint) from None
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise LoadError(f"the source {url} was not unpacked: {error.strerror or error}") from error
    return root

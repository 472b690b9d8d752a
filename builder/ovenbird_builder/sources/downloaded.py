"""Make a source of what was downloaded, by HTTP or from an object store: an archive is unpacked, a file is named."""

from __future__ import annotations

from pathlib import Path

from ovenbird.common.archive_extract import is_archive
from ovenbird.common.archive_names import is_archive_name
from ovenbird.common.hashing import digest_file

from ..errors import SourceError
from .archive import unpack
from .fetcher import FetchedSource, FetchRequest
from .single import choose_file_name


def settle_download(path: Path, order: FetchRequest, name: str, origin: str) -> FetchedSource:
    """Return the source that the file at `path` is. `name` is the file name in its URL, `origin` the URL.

    An archive is recognised by its content, by its name, or by `zip+`.
    Errors: those of `unpack`; SourceError for a web page.
    """
    prefix = "zip+" if order.function.source.startswith("zip+") else ""
    revision = digest_file(path)
    if not prefix:
        _refuse_page(path, origin)
    if prefix or is_archive_name(name) or is_archive(path):
        folder = unpack(path, order.work, origin, order.limits, order.function, name=name)
        path.unlink()
        part = order.function.archive_folder
        return FetchedSource(folder, f"{prefix}{origin}" + (f"#{part}" if part else ""), revision)
    name, warnings = choose_file_name(order.function, name, origin)
    path.rename(order.work / name)
    return FetchedSource(order.work, origin, revision, file=name, warnings=warnings)


def _refuse_page(path: Path, origin: str) -> None:
    """Refuse a web page, such as a login form or a viewer's."""
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise SourceError(
            f"{origin}: the server answered with a web page, not a file", hint="take the link to the raw file"
        )

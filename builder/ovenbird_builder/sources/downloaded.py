"""Make a source of what was downloaded, by HTTP or from an object store: an archive is unpacked, a file is named."""

from __future__ import annotations

import re
from pathlib import Path

from ovenbird.common.archive_extract import is_archive
from ovenbird.common.archive_names import is_archive_name
from ovenbird.common.hashing import digest_file
from ovenbird.common.text import show_value
from ovenbird.function_document import MODULE, FunctionSpec

from ..errors import SourceError
from .archive import unpack
from .fetcher import FetchedSource, FetchRequest

_DEFAULT = "main"  # what a bare handler means where the source is not local


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
    name, warnings = _choose_file_name(order.function, name, origin)
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


def _choose_file_name(function: FunctionSpec, name: str, origin: str) -> tuple[str, tuple[str, ...]]:
    """Return the name of a source that is one file, and warnings. It keeps its own, unless only `main.py` can be meant.

    Errors: SourceError when the handler names a module that this file cannot be.
    """
    module = function.handler.rpartition(":")[0]
    stem = name.removesuffix(".py") if name.endswith(".py") else ""
    if stem and (module == stem or (stem.isidentifier() and not module)):
        return name, ()
    if module in ("", _DEFAULT):
        why = "" if stem.isidentifier() else f"{show_value(name)} is not the name of a module"
        return f"{_DEFAULT}.py", (f"{origin}: {why}; it is kept as {_DEFAULT}.py",) if why else ()
    raise SourceError(
        f"{origin}: the handler {show_value(function.handler)} names the module {show_value(module)},"
        f" and the source is one file, {show_value(name)}",
        hint=f"write {stem}:{function.handler.rpartition(':')[2]}"
        if re.fullmatch(MODULE, stem) and "." not in stem
        else "rename the file",
    )

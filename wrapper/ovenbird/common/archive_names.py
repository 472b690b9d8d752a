"""Recognise the URL or path of an archive, and of a folder in it. Nothing is opened."""

from __future__ import annotations

import re
from urllib.parse import unquote

_SUFFIX = re.compile(r"\.(zip|tar|tar\.(gz|bz2|xz)|tgz|tbz2?|txz)$", re.I)
_WEB = re.compile(r"(zip\+)?https?://", re.I)


def is_archive_name(path: str) -> bool:
    """Return whether a path, or that of a URL, has the ending of an archive."""
    return _SUFFIX.search(path) is not None


def split_folder(source: str) -> tuple[str, str]:
    """Return a source without the folder that it names after a `#`, and that folder: `app.zip#src` names `src`.

    pip's `#subdirectory=src` means the same. In what is neither an archive nor on the web a `#` is part of the name.
    """
    path, _, folder = source.partition("#")
    web = _WEB.match(source)
    if not folder or not (web or is_archive_name(path)):
        return (path, "") if web else (source, "")
    folder = folder.removeprefix("subdirectory=")
    return path, (unquote(folder) if web else folder).strip("/")

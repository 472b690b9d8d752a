"""Schemes of the URLs that files lie at: which are known, what the SDK's forms of them mean, which path is local."""

from __future__ import annotations

import os
from pathlib import Path

from ...common.redact import redact_url
from ...common.text import show_value
from ...errors import InputError

OBJECTS = ("s3", "gs", "az")
WEB = ("http", "https")
SQL = "sql"
_ALIASES = {"s3a": "s3", "s3n": "s3"}  # as Hadoop writes them


def get_scheme(url: str) -> str:
    """Return the scheme in lower case, empty for a local path; InputError for one that is not supported.

    `s3a://` is `s3`, and `zip+` before a scheme says only that the file is a zip.
    """
    name, colon, _ = url.partition("://")
    if not colon:
        return ""
    name = name.lower().removeprefix("zip+")
    name = _ALIASES.get(name, name)
    if name in (*OBJECTS, *WEB, SQL):
        return name
    if name == "file":
        return ""
    hint = "a local path, s3, gs, az, http, https or sql"
    raise InputError(f"{redact_url(url)}: {name}:// is not supported", hint=hint)


def strip_zip(url: str) -> str:
    """Return the URL without `zip+`."""
    return url[4:] if url[:4].lower() == "zip+" else url


def is_folder_url(url: str) -> bool:
    """Return whether a path or URL is a folder: it ends in `/` and is not an HTTP URL, as the web has no folders."""
    return url.endswith("/") and get_scheme(url) not in (*WEB, SQL)


def get_local_path(url: str) -> Path:
    """Return the local path of a path or a `file://` URL; `~` is the user's home, unless a file is called so.

    Errors: InputError for an empty path, which `Path` takes for the current folder.
    """
    if url[:7].lower() in ("file://", "zip+fil"):
        from urllib.parse import unquote, urlsplit  # an empty run has no use for it

        path = unquote(urlsplit(strip_zip(url)).path)
        if not path:
            hint = "three slashes before an absolute path, as in `file:///data/cities.csv`, or the path alone"
            raise InputError(f"{show_value(redact_url(url))} has no path", hint=hint)
        return Path(path)
    if not url:
        raise InputError("the path is empty", hint="`.` is the current folder")
    if url.startswith("~") and not os.path.lexists(url):
        return Path(os.path.expanduser(url))  # noqa: PTH111  # which keeps what it cannot expand
    return Path(url)

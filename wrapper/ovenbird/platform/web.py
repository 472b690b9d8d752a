"""Files over HTTP, through the proxies of this process."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from ovenbird.common.http_download import Download, DownloadError, basic_authorization, download, make_opener
from ovenbird.errors import InputError

from .copying import Progress, writing


def fetch(url: str, target: Path, shown: str, limit: int, limit_hint: str, progress: Progress | None = None) -> None:
    """Stream what `url` answers into `target`, which appears whole or not at all, and has at most `limit` bytes.

    A fault that may pass is tried again, going on where the body broke off when the server can.
    InputError names `shown`, the URL without its secrets.
    """
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    given = parts.username is not None
    wanted = Download(
        bare, limit, limit_hint, make_opener(urllib.request.ProxyHandler()),
        basic_authorization(unquote(parts.username or ""), unquote(parts.password or "")) if given else "",
        moved=progress or (lambda _: None),
    )  # fmt: skip
    try:
        with writing(target) as part, part.open("wb") as file:
            download(wanted, file)
    except DownloadError as error:
        hint = "a URL may carry credentials as https://user:password@host/" if error.kind == "denied" else error.hint
        raise InputError(f"{shown}: {error.message}", hint=hint) from None

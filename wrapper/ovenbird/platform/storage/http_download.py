"""Files over HTTP, through the proxies of this process."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from ...common import source_url
from ...common.atomic_files import drafting
from ...common.content_decoding import decode_answer
from ...common.http_download import (
    Download,
    DownloadError,
    DownloadResponse,
    basic_authorization,
    download,
    make_opener,
)
from ...errors import InputError
from .file_copy import Progress

_SAFE = "!#$%&'()*+,/:;=?@[]~"  # what an address may hold besides letters, digits and `-._`; `%` begins an escape


def escape_address(url: str) -> str:
    """Return an address as HTTP takes it: blanks and other alphabets escaped, a name of a host by its IDNA form."""
    parts = urlsplit(url)
    host = parts.netloc
    if not host.isascii():
        name, colon, port = host.partition(":")
        try:
            host = name.encode("idna").decode() + colon + port
        except ValueError:
            raise InputError(f"{name!a} is not a valid host name") from None
    path, query = (quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", part), _SAFE) for part in (parts.path, parts.query))
    return urlunsplit(parts._replace(netloc=host, path=path, query=query, fragment=""))


def fetch_url(
    url: str, target: Path, label: str, limit: int, limit_hint: str, progress: Progress | None = None
) -> DownloadResponse:
    """Stream what `url` answers into `target`, which appears whole or not at all, and has at most `limit` bytes.

    A fault that may pass is tried again, going on where the body broke off when the server can. A `Content-Encoding` is
    undone. Return the headers of the file. InputError names `label`, the URL without its secrets.
    """
    parts = urlsplit(url)
    bare = escape_address(source_url.strip_credentials(parts))
    login = source_url.url_credentials(parts)
    request = Download(
        bare, limit, limit_hint, make_opener(urllib.request.ProxyHandler()),
        basic_authorization(login.username, login.password) if login else "",
        moved=progress or (lambda _: None),
    )  # fmt: skip
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with drafting(target) as part, part.open("wb") as file:
            download(request, file)
            file.flush()
            decode_answer(request, part, unquote(parts.path))
        return request.answer
    except DownloadError as error:
        hint = "a URL may carry credentials as `https://user:password@host/`" if error.kind == "denied" else error.hint
        raise InputError(f"{label}: {error.message}", hint=hint) from None

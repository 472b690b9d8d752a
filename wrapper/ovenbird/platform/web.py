"""Files over HTTP, by the standard library: no extra to install, any URL with its query, any transfer encoding.

obstore's HTTP store takes paths, not URLs: it escapes the `?` of a query and refuses an answer without a length.
"""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from ovenbird.errors import InputError

from .copying import Progress, writing

_CHUNK = 1024 * 1024
_TIMEOUT = 60.0  # seconds without a byte
_PAUSES = (0.2, 1.0, 3.0)  # seconds before each further attempt
_AGAIN = (408, 425, 429, 500, 502, 503, 504)


class _BrokenOffError(Exception):
    """The connection ended before the body did."""


def fetch(url: str, target: Path, shown: str, progress: Progress | None = None) -> None:
    """Stream what `url` answers into `target`, which appears whole or not at all.

    A fault that may pass is tried again, going on where the body broke off when the server can.
    InputError names `shown`, the URL without its secrets.
    """
    with writing(target) as part, part.open("wb") as file:
        state: dict[str, Any] = {}
        for pause in (*_PAUSES, None):
            try:
                _attempt(url, file, state, progress)
                return
            except urllib.error.HTTPError as error:
                error.close()
                problem = f"the server answered {error.code} {error.reason}"
                if error.code not in _AGAIN or pause is None:
                    raise InputError(f"{shown}: {problem}", hint=_hint(error.code)) from None
            except urllib.error.URLError as error:
                problem = f"cannot be reached: {error.reason}"
            except (_BrokenOffError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
                problem = f"broke off after {file.tell()} bytes: {str(error) or type(error).__name__}"
            if pause is None:
                hint = f"tried {len(_PAUSES) + 1} times; nothing was kept"
                raise InputError(f"{shown}: {problem}", hint=hint) from None
            time.sleep(pause)


def _attempt(url: str, file: Any, state: dict[str, Any], progress: Progress | None) -> None:
    start = file.tell()
    with _opener().open(_request(url, start, state.get("validator")), timeout=_TIMEOUT) as answer:
        if answer.status != 206 and start:
            file.seek(0)
            file.truncate()
        state["validator"] = _validator(answer.headers)
        expected = answer.headers.get("Content-Length")
        received = 0
        while True:
            try:
                data = answer.read1(_CHUNK)
            except http.client.IncompleteRead:
                raise _BrokenOffError("the body is shorter than announced") from None
            if not data:
                break
            file.write(data)
            received += len(data)
            if progress:
                progress(len(data))
        if expected is not None and expected.isdigit() and received < int(expected):
            raise _BrokenOffError(f"the body is shorter than the {expected} bytes announced")


def _opener() -> urllib.request.OpenerDirector:
    """An opener for HTTP alone, with the environment's proxies: a redirect can then reach no local file."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener


def _request(url: str, start: int, validator: str | None) -> urllib.request.Request:
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    request = urllib.request.Request(bare, headers={"User-Agent": "ovenbird"})  # noqa: S310  the opener knows only HTTP
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        # "Unredirected", so that the password does not follow a redirect to another host.
        request.add_unredirected_header("Authorization", "Basic " + b64encode(pair.encode()).decode())
    if start and validator:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", validator)
    return request


def _validator(headers: Mapping[str, str]) -> str | None:
    """What proves that a later answer is of the same file: a strong ETag, else the date."""
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified")


def _hint(status: int) -> str:
    if status in (401, 403):
        return "the server wants other credentials; a URL may carry them as https://user:password@host/"
    if status in (404, 410):
        return "check the address"
    return f"tried {len(_PAUSES) + 1} times" if status in _AGAIN else ""

"""Download a file over HTTP, for a run and for a build: resumed, bounded in size, and never from HTTPS to HTTP.

The standard library needs no extra package, and takes any URL with its query, and any transfer encoding.
obstore's HTTP store takes paths, not URLs: it escapes the `?` of a query and refuses an answer without a length.
"""

from __future__ import annotations

import http.client
import math
import ssl
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Literal
from urllib.parse import urlsplit

from .text import cut_text, escape_controls
from .units import show_size
from .url_port import PORT_HINT, describe_bad_port, describe_bad_proxy

_CHUNK = 256 * 1024
_QUIET = 30.0  # seconds without a byte
_PAUSES = (0.2, 1.0, 3.0)  # seconds before each further attempt
_REDIRECTS = 10
_AGAIN = (408, 425, 429, 500, 502, 503, 504)
# raised for a broken connection, or for a response that is not HTTP
_BROKEN = (http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError)
TRIED = f"tried {len(_PAUSES) + 1} times; nothing was kept"

Kind = Literal["denied", "missing", "unreachable", "certificate", "unsafe"]


class DownloadError(Exception):
    """Why a download failed: its kind, a message without a subject, and a hint. Neither holds a secret."""

    def __init__(self, kind: Kind, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message, self.hint = message, hint


@dataclass(slots=True)
class DownloadResponse:
    """What the server said about the file: its URL after redirects, and headers as they were sent."""

    url: str = ""
    content_type: str = ""
    disposition: str = ""
    content_encoding: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """What to download: `url` without credentials, at most `limit` bytes. `authorization` is sent to its own server
    only.

    `remaining` returns the seconds that are left and raises when there are none. `moved` is called with the size of
    each block. The download fills `answer`.
    """

    url: str
    limit: int
    limit_hint: str
    opener: urllib.request.OpenerDirector
    authorization: str = ""
    remaining: Callable[[], float] = lambda: math.inf
    moved: Callable[[int], object] = lambda _: None
    answer: DownloadResponse = field(default_factory=DownloadResponse)
    _validator: dict[str, str] = field(default_factory=dict)


def basic_authorization(username: str, password: str) -> str:
    """Return the header's value for a user name and a password."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def make_opener(
    proxies: urllib.request.ProxyHandler, context: ssl.SSLContext | None = None
) -> urllib.request.OpenerDirector:
    """Return an opener for HTTP alone, so a redirect cannot reach a local file.

    It raises DownloadError for a port that no connection can be made to, of a URL or of a proxy.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        proxies,
        _PortCheck(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        _Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def download(spec: Download, file: IO[bytes]) -> None:
    """Write the response to `file`. A temporary failure is retried, from where the body broke off.

    Errors: DownloadError; OSError of the file's disk; what `remaining` and `moved` raise.
    """
    for pause in (*_PAUSES, None):
        try:
            _try_download(spec, file)
            return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code not in _AGAIN or pause is None:
                raise _status_error(error) from None
        except urllib.error.URLError as error:
            problem = f"cannot be reached: {_one_line(error.reason)}"
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise DownloadError("certificate", problem) from None
        except (http.client.InvalidURL, ValueError):  # their text repeats the address, which may be signed
            raise DownloadError(
                "unreachable", "its address, or the one that it is redirected to, is not a URL"
            ) from None
        except _BROKEN as error:
            problem = f"broke off after {file.tell()} bytes: {_one_line(error) or type(error).__name__}"
        seconds = spec.remaining()
        if pause is None:
            raise DownloadError("unreachable", problem, TRIED)
        time.sleep(min(pause, seconds))


def _try_download(spec: Download, file: IO[bytes]) -> None:
    start = file.tell()
    with spec.opener.open(_make_request(spec, start), timeout=min(_QUIET, spec.remaining())) as answer:
        if answer.status == 206 and not _is_continuation(answer.headers, start):
            raise http.client.HTTPException("the server sent another part than the one asked for")
        if answer.status != 206 and start:
            file.seek(0)
            file.truncate()
        spec._validator["If-Range"] = _read_validator(answer.headers)
        spec.answer.url = answer.url
        spec.answer.content_type = answer.headers.get("Content-Type") or ""
        spec.answer.disposition = answer.headers.get("Content-Disposition") or ""
        spec.answer.content_encoding = ", ".join(answer.headers.get_all("Content-Encoding") or [])
        expected, received = _content_length(answer.headers), 0
        if expected is not None and file.tell() + expected > spec.limit:
            raise _size_error(spec)
        while data := answer.read1(_CHUNK):
            if file.tell() + len(data) > spec.limit:
                raise _size_error(spec)
            file.write(data)
            received += len(data)
            spec.moved(len(data))
            spec.remaining()
        if expected is not None and received < expected:
            raise http.client.HTTPException(f"the body is shorter than the {expected} bytes announced")


def _make_request(spec: Download, start: int) -> urllib.request.Request:
    request = urllib.request.Request(spec.url, headers={"User-Agent": "ovenbird"})  # noqa: S310  # the opener knows HTTP alone
    if spec.authorization:
        # "Unredirected", so that the password does not follow a redirect to another host.
        request.add_unredirected_header("Authorization", spec.authorization)
    if start and (validator := spec._validator.get("If-Range")):
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", validator)
    return request


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to HTTP URLs, never from HTTPS to HTTP, with credentials for the same server only."""

    max_redirections = _REDIRECTS

    def http_error_302(self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """Follow the redirect. If it is refused, close its response."""
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except (DownloadError, ValueError):
            fp.close()
            raise

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302  # Python 3.10 lacks the last

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str  # noqa: ARG002  # its name
    ) -> urllib.request.Request | None:  # fmt: skip
        """Return the request for the redirect's target."""
        parts, before = urlsplit(newurl), urlsplit(req.full_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise DownloadError(
                "unsafe", "is redirected to something else than a plain `http://` or `https://` address"
            )
        if before.scheme == "https" and parts.scheme != "https":
            raise DownloadError("unsafe", "is redirected away from HTTPS")
        # a proxy's password is added anew where the next request goes through that proxy
        forwarded = {name: value for name, value in req.headers.items() if name.lower() != "proxy-authorization"}
        redirected = urllib.request.Request(newurl.replace(" ", "%20"), headers=forwarded, unverifiable=True)  # noqa: S310
        own = req.unredirected_hdrs.get("Authorization", "")
        if own and (parts.scheme, parts.netloc.lower()) == (before.scheme, before.netloc.lower()):
            redirected.add_unredirected_header("Authorization", own)
        return redirected


class _PortCheck(urllib.request.BaseHandler):
    """Refuses a port out of range, of a URL, a redirect or a proxy."""

    handler_order = 200  # after the proxy is chosen, before the connection

    def http_open(self, req: urllib.request.Request) -> None:
        """Raise DownloadError for a port that is out of range."""
        scheme = urlsplit(req.full_url).scheme
        problem = describe_bad_port(req.full_url)
        if not problem and req.host != urlsplit(req.full_url).netloc:
            problem = describe_bad_proxy(f"{scheme}_proxy", req.host)
        if problem:
            raise DownloadError("unreachable", f"cannot be reached: {problem}", PORT_HINT)

    https_open = http_open


def _status_error(error: urllib.error.HTTPError) -> DownloadError:
    """Return the error for a response without the file."""
    status = error.code
    if 300 <= status < 400:  # its text repeats the address, which may be signed
        return DownloadError("unsafe", f"the server answered {status} with a redirect that is not followed")
    message = f"the server answered {status} {_one_line(error.reason)}".rstrip()
    if status in (401, 403, 407):
        return DownloadError("denied", message)
    if status in (404, 410):
        return DownloadError("missing", message, "check the address")
    return DownloadError("unreachable", message, TRIED if status in _AGAIN else "")


def _size_error(spec: Download) -> DownloadError:
    return DownloadError("unsafe", f"is larger than {show_size(spec.limit)}", spec.limit_hint)


def _content_length(headers: Mapping[str, str]) -> int | None:
    """Return the length that the response announces; None if it is absent or malformed."""
    text = headers.get("Content-Length") or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None


def _is_continuation(headers: Mapping[str, str], start: int) -> bool:
    """Return whether a partial response begins where the file ends."""
    return (headers.get("Content-Range") or "").replace("=", " ").startswith(f"bytes {start}-")


def _read_validator(headers: Mapping[str, str]) -> str:
    """Return the identity of the file's version: a strong ETag, else the date of the last change."""
    etag = headers.get("ETag") or ""
    return etag if etag.startswith('"') else headers.get("Last-Modified") or ""


def _one_line(reason: object) -> str:
    """Return the message of a server or a library as one short line of plain text."""
    return escape_controls(cut_text(" ".join(str(reason).split()), 200))

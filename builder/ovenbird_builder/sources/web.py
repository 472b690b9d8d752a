"""A file or a zip over HTTP, by the standard library: any URL with its query, any transfer encoding.

obstore's HTTP store takes paths, not URLs: it escapes the `?` of a query and refuses an answer without a length.
"""

from __future__ import annotations

import http.client
import ssl
import time
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import SplitResult, unquote

from ovenbird import address
from ovenbird.common.text import show_value

from ..errors import SourceDeniedError, SourceError, SourceMissingError, SourceUnreachableError, UnsafeSourceError
from ..network import Network, bypassed
from .archive import unpack
from .digest import of_file
from .form import Found, Order
from .limits import told
from .single import file_name

_CHUNK = 256 * 1024
_QUIET = 30.0  # seconds without a byte
_PAUSES = (0.2, 1.0, 3.0)  # seconds before each further attempt
_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_BROKEN = (http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError)


def fetch(order: Order) -> Found:
    """Download the file, or the zip and unpack it. Errors: the subclasses of SourceError."""
    source = order.function.source
    is_zip = source.startswith("zip+")
    parts = address.split(source.removeprefix("zip+"))
    shown = address.shown(parts)
    if not parts.hostname:
        raise SourceError(f"{show_value(shown)} names no host")
    part = order.work.parent / "download"
    _download(parts, part, shown, order)
    revision = f"sha256:{of_file(part)}"
    if is_zip:
        unpack(part, order.work, shown, order.limits)
        part.unlink()
        return Found(order.work, f"zip+{shown}", revision)
    _refuse_page(part, shown)
    name, warnings = file_name(order.function, unquote(PurePosixPath(parts.path).name), shown)
    part.rename(order.work / name)
    return Found(order.work, shown, revision, file=name, warnings=warnings)


def _download(parts: SplitResult, target: Path, shown: str, order: Order) -> None:
    """Stream the answer into `target`. A fault that may pass is tried again, going on where the body broke off."""
    opener = _opener(order.network)
    state: dict[str, str] = {}
    with target.open("wb") as file:
        for pause in (*_PAUSES, None):
            try:
                _attempt(opener, parts, file, state, shown, order)
                return
            except urllib.error.HTTPError as error:
                error.close()
                if error.code not in _AGAIN or pause is None:
                    raise _refused(shown, error.code, str(error.reason)) from None
            except urllib.error.URLError as error:
                problem = f"cannot be reached: {error.reason}"
                if isinstance(error.reason, ssl.SSLCertVerificationError):
                    hint = "--ca-bundle names a site's certificate authority"
                    raise SourceUnreachableError(f"{shown}: {problem}", hint=hint) from None
            except _BROKEN as error:
                problem = f"broke off after {file.tell()} bytes: {str(error) or type(error).__name__}"
            left = order.remaining(shown)
            if pause is None:
                hint = f"tried {len(_PAUSES) + 1} times; nothing was kept"
                raise SourceUnreachableError(f"{shown}: {problem}", hint=hint)
            time.sleep(min(pause, left))


def _attempt(
    opener: urllib.request.OpenerDirector,
    parts: SplitResult,
    file: IO[bytes],
    state: dict[str, str],
    shown: str,
    order: Order,
) -> None:
    start = file.tell()
    request = _request(parts, start, state.get("validator", ""), order)
    with opener.open(request, timeout=min(_QUIET, order.remaining(shown))) as answer:
        if answer.status != 206 and start:
            file.seek(0)
            file.truncate()
        etag = answer.headers.get("ETag", "")
        state["validator"] = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
        expected, received = answer.headers.get("Content-Length", ""), 0
        while data := answer.read1(_CHUNK):
            file.write(data)
            received += len(data)
            order.remaining(shown)
            if file.tell() > order.limits.size:
                raise UnsafeSourceError(
                    f"{shown}: is larger than {told(order.limits.size)}", hint="OVENBIRD_SOURCE_LIMIT"
                )
        if expected.isdigit() and received < int(expected):
            raise http.client.IncompleteRead(b"", int(expected) - received)


def _request(parts: SplitResult, start: int, validator: str, order: Order) -> urllib.request.Request:
    url = address.bare(parts)
    request = urllib.request.Request(url, headers={"User-Agent": "ovenbird"})  # noqa: S310  # the opener knows HTTP alone
    login = address.login(parts) or address.netrc_login(parts.hostname or "", order.environ)
    if login:
        pair = b64encode(f"{login.username}:{login.password}".encode()).decode()
        # "Unredirected", so that the password does not follow a redirect to another host.
        request.add_unredirected_header("Authorization", f"Basic {pair}")
    if start and validator:
        request.add_header("Range", f"bytes={start}-")
        request.add_header("If-Range", validator)
    return request


def _opener(network: Network) -> urllib.request.OpenerDirector:
    """An opener for HTTP alone, with the site's proxies and authority: a redirect can then reach no local file."""
    context = ssl.create_default_context(cafile=str(network.ca_bundle) if network.ca_bundle else None)
    if (
        network.ca_bundle
    ):  # Python 3.13 refuses authorities without a key usage, as many a site's is; git and curl do not
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    opener = urllib.request.OpenerDirector()
    for handler in (
        _Proxies(network),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        _Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class _Proxies(urllib.request.ProxyHandler):
    """The proxies of a Network instead of those of this process."""

    def __init__(self, network: Network) -> None:
        found = {name.lower().removesuffix("_proxy"): value for name, value in sorted(network.proxies.items())}
        self.bypass = {"no": found.pop("no", "")}
        super().__init__({name: found[name] for name in ("http", "https") if name in found})

    def proxy_open(self, req: urllib.request.Request, proxy: str, type: str) -> Any:
        return None if bypassed(req.host, self.bypass) else super().proxy_open(req, proxy, type)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirects that do not leave HTTPS once it was asked for."""

    def redirect_request(self, req: urllib.request.Request, *rest: Any) -> urllib.request.Request | None:
        found = super().redirect_request(req, *rest)
        if found and req.type == "https" and found.type != "https":
            raise UnsafeSourceError(f"{address.shown(address.split(req.full_url))}: is redirected away from HTTPS")
        return found


def _refused(shown: str, status: int, reason: str) -> SourceError:
    told_ = f"{shown}: the server answered {status} {reason}".rstrip()
    if status in (401, 403, 407):
        return SourceDeniedError(told_, hint="credentials come from .netrc, or https://user:password@host/")
    if status in (404, 410):
        return SourceMissingError(told_, hint="check the address")
    return SourceUnreachableError(told_, hint=f"tried {len(_PAUSES) + 1} times" if status in _AGAIN else "")


def _refuse_page(path: Path, shown: str) -> None:
    """Refuse what cannot be Python: a web page (a login form, a viewer), a zip."""
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise SourceError(
            f"{shown}: the server answered with a web page, not a file", hint="take the link to the raw file"
        )
    if start.startswith(b"pk\x03\x04"):
        raise SourceError(f"{shown}: is a zip, not a file", hint=f"write zip+{shown}")

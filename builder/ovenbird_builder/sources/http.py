"""A file or an archive over HTTP, through the site's proxy and certificates."""

from __future__ import annotations

import ssl
import urllib.request
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import SplitResult, unquote

from ovenbird.common import source_url
from ovenbird.common.content_decoding import decode_answer
from ovenbird.common.http_download import Download, DownloadError, basic_authorization, download, make_opener
from ovenbird.common.source_limits import SIZE
from ovenbird.common.text import show_value

from ..errors import SourceAuthError, SourceError, SourceMissingError, SourceUnreachableError, UnsafeSourceError
from ..host.network import NetworkSettings, is_proxy_bypassed
from .downloaded import settle_download
from .fetcher import FetchedSource, FetchRequest

_KINDS: dict[str, type[SourceError]] = {
    "denied": SourceAuthError, "missing": SourceMissingError, "unreachable": SourceUnreachableError,
    "certificate": SourceUnreachableError, "unsafe": UnsafeSourceError,
}  # fmt: skip
_HINTS = {
    "denied": "credentials come from .netrc, or https://user:password@host/",
    "certificate": "`--ca-bundle` names a site's certificate authority",
}


def fetch(order: FetchRequest) -> FetchedSource:
    """Download the file, or the archive and unpack it. Errors: the subclasses of SourceError."""
    parts = source_url.split(order.function.source.removeprefix("zip+"))
    origin = source_url.display_url(parts)
    if not parts.hostname:
        raise SourceError(f"{show_value(origin)} has no host")
    part = order.work.parent / "download"
    _download(parts, part, origin, order)
    return settle_download(part, order, unquote(PurePosixPath(parts.path).name), origin)


def _download(parts: SplitResult, target: Path, origin: str, order: FetchRequest) -> None:
    """Stream the answer into `target`. Errors: the subclasses of SourceError."""
    login = source_url.url_credentials(parts) or source_url.netrc_login(parts.hostname or "", order.environ)
    request = Download(
        source_url.strip_credentials(parts), order.limits.size, SIZE,
        make_opener(_Proxies(order.network), _make_ssl_context(order.network)),
        basic_authorization(login.username, login.password) if login else "", lambda: order.check_deadline(origin),
    )  # fmt: skip
    try:
        with target.open("wb") as file:
            download(request, file)
        decode_answer(request, target, unquote(parts.path))
    except DownloadError as error:
        raise _KINDS[error.kind](f"{origin}: {error.message}", hint=_HINTS.get(error.kind) or error.hint) from None


def _make_ssl_context(network: NetworkSettings) -> ssl.SSLContext:
    """Return a context that trusts the site's certificates, else those of this machine."""
    context = ssl.create_default_context(cafile=str(network.ca_bundle) if network.ca_bundle else None)
    if (
        network.ca_bundle
    ):  # Python 3.13 refuses authorities without a key usage, as many a site's is; git and curl do not
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class _Proxies(urllib.request.ProxyHandler):
    """The proxies of a NetworkSettings instead of those of this process."""

    def __init__(self, network: NetworkSettings) -> None:
        proxies = {name.lower().removesuffix("_proxy"): value for name, value in sorted(network.proxies.items())}
        self.bypass = {"no": proxies.pop("no", "")}
        super().__init__({name: proxies[name] for name in ("http", "https") if name in proxies})

    def proxy_open(self, req: urllib.request.Request, proxy: str, scheme: str) -> Any:
        return None if is_proxy_bypassed(req.host, self.bypass) else super().proxy_open(req, proxy, scheme)

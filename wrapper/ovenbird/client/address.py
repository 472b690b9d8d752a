"""The address of a service: its base URL, the proxy on the way, what may be shown of it."""

from __future__ import annotations

import base64
import os
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ..common.redact import redact_url
from ..common.text import show_value
from ..common.url_port import PORT_HINT, describe_bad_port, describe_bad_proxy
from .errors import ClientError

_SAFE = "/:@!$&'()*+,;=~%-._"


class Address(NamedTuple):
    """The base URL of a service, without credentials; `authorization` is the header for those that it had."""

    base: str
    host: str
    authorization: str = ""

    def join(self, path: str) -> str:
        """Return the URL of a path below the base. A query in `path` is kept."""
        if not path:
            return self.base
        plain, mark, query = path.partition("?")
        url = f"{self.base.rstrip('/')}/{quote(plain.lstrip('/'), safe=_SAFE)}" if plain else self.base
        return f"{url}{mark}{quote(query, safe=_SAFE + '?')}"


def parse_address(url: str) -> Address:
    """Return the address of a service. Errors: ClientError for text that is no URL of HTTP."""
    if not isinstance(url, str):
        raise ClientError(f"the URL of a service is text, found {type(url).__name__}")
    text = url.strip()
    display_url = show_value(redact_url(text))
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError as error:
        raise ClientError(f"{display_url} is no URL: {error}") from None
    if parts.scheme not in ("http", "https"):
        hint = f"`http://{text}`" if text and text.isprintable() and "://" not in text and "@" not in text else ""
        raise ClientError(f"the URL of a service begins with `http://` or `https://`, found {display_url}", hint=hint)
    if not host or not text.isprintable() or " " in text:
        raise ClientError(f"{display_url} has no host name, or holds a character that no URL may hold")
    if parts.query or parts.fragment:
        raise ClientError(f"the base URL of a service has no query and no fragment, found {display_url}")
    if reason := describe_bad_port(text):
        raise ClientError(f"{display_url} is not the URL of a service: {reason}", hint=PORT_HINT)
    port = parts.port
    named = f"[{host}]" if ":" in host else _encode_host(host, display_url)
    base = f"{parts.scheme}://{named}{f':{port}' if port is not None else ''}{quote(parts.path or '/', safe=_SAFE)}"
    authorization = ""
    if parts.username is not None or parts.password is not None:
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Address(base, host, authorization)


def _encode_host(host: str, display_url: str) -> str:
    """Return a host name as ASCII. Errors: ClientError."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        raise ClientError(f"{display_url} has a host name that cannot be encoded") from None


def find_proxy(address: Address) -> str:
    """Return the URL of the proxy that the environment names for this address; empty for none.

    Errors: ClientError for a proxy that no connection can be made to.
    """
    from urllib import request

    scheme = urlsplit(address.base).scheme
    named = {
        kind: os.environ.get(f"{kind}_proxy") or (os.environ.get(f"{kind}_proxy".upper()) or "")
        for kind in (scheme, "all", "no")
    }
    proxy_url = named[scheme] or named["all"]
    if not proxy_url:
        return ""
    bypassed = request.proxy_bypass_environment  # type: ignore[attr-defined]  # not in typeshed
    if bypassed(urlsplit(address.base).netloc, named):
        return ""
    if problem := describe_bad_proxy(f"{scheme if named[scheme] else 'all'}_proxy", proxy_url):
        raise ClientError(problem, hint=PORT_HINT)
    return proxy_url if "://" in proxy_url else f"http://{proxy_url}"

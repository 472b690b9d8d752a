"""Connections by urllib3, through the proxy that the environment names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...common.redact import redact_text
from ...common.url_port import PORT_HINT, describe_bad_proxy
from ...errors import PlatformError, SettingsError

if TYPE_CHECKING:
    from urllib3 import PoolManager

_PROXIED = ("http", "https", "no")


def import_urllib3() -> Any:
    """Return the module urllib3. Errors: PlatformError when it is not installed."""
    try:
        import urllib3
    except ImportError:
        from ...common.install_hint import format_install_command

        raise PlatformError(
            "git sources need the package `urllib3`, which is not installed", hint=format_install_command("platform")
        ) from None
    return urllib3


def list_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies of the environment by the scheme they are for; `no` lists the hosts that need none."""
    return {kind: environ.get(f"{kind}_proxy") or environ.get(f"{kind}_proxy".upper()) or "" for kind in _PROXIED}


def find_proxy(url: str, named: dict[str, str]) -> str:
    """Return the proxy on the way to the server of `url`; empty for none.

    Errors: SettingsError for a proxy that no connection can be made to.
    """
    parts = urlsplit(url)
    proxy_url = named.get(parts.scheme, "")
    if not proxy_url:
        return ""
    from urllib import request

    # NO_PROXY, by suffixes and ports
    bypassed = request.proxy_bypass_environment  # type: ignore[attr-defined]  # not in typeshed
    if bypassed(parts.netloc.rpartition("@")[2], named):
        return ""
    if problem := describe_bad_proxy(f"{parts.scheme}_proxy", proxy_url):
        raise SettingsError(problem, hint=PORT_HINT)
    return proxy_url


def make_pool(through: str, **options: Any) -> PoolManager:
    """Connections through a proxy, directly where it is empty. `options` are urllib3's."""
    urllib3 = import_urllib3()
    manager: PoolManager = urllib3.ProxyManager(through, **options) if through else urllib3.PoolManager(**options)
    return manager


def describe_reason(error: Exception) -> str:
    """Return why a connection failed, in one line."""
    name = type(error).__name__
    if name in ("ReadTimeoutError", "ConnectTimeoutError"):
        return "the connection was not made in time" if name.startswith("Connect") else "no answer came in time"
    if name == "NameResolutionError":
        return "its host name cannot be resolved"
    text = str(error).partition(" (_ssl.c")[0].rpartition(": ")[2].strip("')\"(")
    return {"ProtocolError": "the connection broke off"}.get(name, redact_text(text)[:200] or name)

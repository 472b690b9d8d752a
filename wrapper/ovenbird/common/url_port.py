"""The port of a URL, checked before a connection: some systems take 99999 modulo 65536, and reach another service."""

from __future__ import annotations

from urllib.parse import urlsplit

from .redact import redact_url
from .text import show_value

MAX_PORT = 65535
PORT_HINT = f"a port is a whole number from 1 to {MAX_PORT}"


def describe_bad_port(url: str) -> str:
    """Return why no connection can be made to the port of a URL, without quoting the URL; empty if one can."""
    try:
        is_usable = urlsplit(url).port != 0
    except ValueError as error:
        if "range" not in str(error):
            return "its host or its port is malformed"
        is_usable = False
    return "" if is_usable else "its port is out of range"


def describe_bad_proxy(variable: str, url: str) -> str:
    """Return what is wrong with the proxy that `variable` names; empty if it can be used."""
    reason = describe_bad_port(url if "://" in url else f"http://{url}")
    return f"{variable}: the proxy {show_value(redact_url(url))} cannot be used: {reason}" if reason else ""

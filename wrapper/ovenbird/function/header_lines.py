"""Join several lines of one header into one value (RFC 9110 5.3)."""

from __future__ import annotations

from collections.abc import Iterable

_SINGLE = (b"content-type", b"authorization", b"user-agent")  # not lists: an identical line that is repeated is dropped


def join_lines(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return headers by their names in lower case.

    Lines of one name become a list. Cookies have their own separator (RFC 6265 5.4).
    """
    headers: dict[bytes, bytes] = {}
    for key, value in pairs:
        name = key.lower()
        if name not in headers:
            headers[name] = value
        elif name not in _SINGLE or headers[name] != value:
            headers[name] += (b"; " if name == b"cookie" else b", ") + value
    return headers

"""Check the head of a request: rules of RFC 9110 and 9112 that the parser leaves to the server."""

from __future__ import annotations

import re
from collections.abc import Sequence

from httptools import HttpParserError, parse_url

# a registered name, an IPv4 address or an IPv6 address in brackets, and a port; empty where the target has no authority
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})*(?::\d{0,5})?|\[[0-9A-Fa-fvV:.]+\](?::\d{0,5})?")
_CHUNK = 24  # bytes that frame one chunk: the digits of its size, and two line ends
_VERSIONS = ("1.1", "1.0")


class RequestError(Exception):
    """A request is refused: the status of the answer, and the reason. The connection ends with the answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class ChunkReader:
    """Counts the bytes that frame a chunked body (sizes, extensions, trailers), and limits them.

    It replaces the list of headers once these are complete. Trailers are counted and dropped: merging them would let a
    client override headers unnoticed by a proxy (RFC 9110 6.5.1).
    """

    __slots__ = ("_framing", "_has_begun", "_limit", "_trailers", "body", "count")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._trailers = 0
        self._framing = 0
        self._has_begun = False
        self.body = 0  # bytes of the body in the current packet
        self.count = 0  # chunks in the current packet

    def append(self, trailer: tuple[bytes, bytes]) -> None:
        """Count a trailer. Errors: RequestError 431 over the limit."""
        self._trailers += len(trailer[0]) + len(trailer[1]) + 4
        if self._trailers > self._limit:
            raise head_too_large_error(self._limit)

    def feed(self, size: int) -> None:
        """Count the bytes of a packet that frame the body. Errors: RequestError 431 over the limit."""
        if self._has_begun:  # the packet that holds the end of the headers is not counted
            self._framing += max(0, size - self.body - _CHUNK * self.count)
            if self._framing > self._limit:
                raise head_too_large_error(self._limit)
        self._has_begun = True
        self.body = self.count = 0


def head_too_large_error(limit: int) -> RequestError:
    """Return the error for a head or trailers over the limit."""
    return RequestError(431, f"the request line, headers and trailers are over the limit of {limit} bytes")


def head_size(url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    """Return the approximate bytes of a head: with line ends and separators, without spaces around values."""
    return len(url) + 16 + sum(len(name) + len(value) + 4 for name, value in headers)


def check_host(value: bytes) -> None:
    """Raise RequestError 400 unless the value of `Host` is a host with or without a port."""
    if not _HOST.fullmatch(value):
        raise RequestError(400, "the `Host` header is not a host and a port")


def check_version(version: str, *, host: bool, codings: bool) -> None:
    """Raise RequestError for a version that is not supported (505), or whose rules the headers break (400)."""
    if version not in _VERSIONS:
        raise RequestError(505, f"HTTP/{version} is not supported; send HTTP/1.1")
    if version == "1.1" and not host:
        raise RequestError(400, "a request of HTTP/1.1 needs one `Host` header")
    if version == "1.0" and codings:  # RFC 9112 6.1: its framing is faulty
        raise RequestError(400, "`Transfer-Encoding` is not a header of HTTP/1.0")


def check_codings(codings: bytes) -> None:
    """Raise RequestError unless `chunked` is the only transfer coding: 501 for unsupported codings, 400 for a list that
    does not end in one `chunked`."""
    names = [name.strip() for name in codings.lower().split(b",")]
    if names == [b"chunked"]:
        return
    if names[-1] == b"chunked" and b"chunked" not in names[:-1] and all(names):
        raise RequestError(501, "the only supported transfer coding is `chunked`")
    raise RequestError(400, "the `Transfer-Encoding` header does not end in one `chunked`")


def split_target(method: str, url: bytes) -> tuple[bytes, bytes, bytes]:
    """Return path, query and authority of a request target. The authority is `b""` unless the target is a URL.

    Errors: RequestError 400.
    """
    try:
        target = parse_url(url)
    except HttpParserError:
        raise RequestError(400, "the request target is malformed") from None
    path, host = target.path or b"", target.host or b""
    if target.fragment is not None or target.userinfo is not None or (target.schema and not host):
        raise RequestError(400, "the request target holds a fragment, or names a user, or no host")
    if host:
        authority = (b"[%s]" if b":" in host else b"%s") % host + (b":%d" % target.port if target.port else b"")
        return path or (b"*" if method == "OPTIONS" and not target.query else b"/"), target.query or b"", authority
    if not path.startswith(b"/") and not (path == b"*" and method == "OPTIONS"):
        raise RequestError(400, "the request target is neither a path nor a URL")
    return path, target.query or b"", b""


def upgrade_wanted(headers: Sequence[tuple[bytes, bytes]], version: str) -> bytes:
    """Return the protocol to which the client asks to upgrade; `b""` for a request with a body, or of HTTP/1.0."""
    if version != "1.1" or any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0")) for name, value in headers
    ):
        return b""
    protocols = [value for name, value in headers if name == b"upgrade"]
    return protocols[0].lower() if len(protocols) == 1 else b""


def head_without_upgrade(method: bytes, url: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the head of a request without its headers for an upgrade."""
    lines = [b"%s %s HTTP/%s" % (method, url, version.encode())]
    for name, value in headers:
        if name == b"upgrade":
            continue
        rest = value
        if name == b"connection":
            rest = b",".join(token for token in value.split(b",") if token.strip().lower() != b"upgrade")
            if not rest.strip():
                continue
        lines.append(name + b": " + rest)
    return b"\r\n".join(lines) + b"\r\n\r\n"

"""What a request's head may hold: rules of RFC 9110 and 9112 that the parser leaves to the server."""

from __future__ import annotations

import re
from collections.abc import Sequence

from httptools import HttpParserError, parse_url

# a registered name, an IPv4 address or an IPv6 address in brackets, and a port; empty where the target has no authority
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})*(?::\d{0,5})?|\[[0-9A-Fa-fvV:.]+\](?::\d{0,5})?")
_CHUNK = 24  # bytes that frame one chunk: the digits of its size, and two line ends
_VERSIONS = ("1.1", "1.0")


class RequestError(Exception):
    """A request that is not taken: the status of the answer, and what is wrong. The connection ends with the answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class ChunkReader:
    """What frames a chunked body: sizes, extensions and trailers, which together have a limit in bytes.

    It takes the place of the list of headers once they are complete: trailers are counted and dropped, as merging them
    would let a client override headers behind the back of a proxy (RFC 9110 6.5.1).
    """

    __slots__ = ("_begun", "_framing", "_limit", "_trailers", "body", "count")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._trailers = 0
        self._framing = 0
        self._begun = False
        self.body = 0  # bytes of the body in what is fed now
        self.count = 0  # chunks in it

    def append(self, trailer: tuple[bytes, bytes]) -> None:
        """Count a trailer. Errors: RequestError 431 over the limit."""
        self._trailers += len(trailer[0]) + len(trailer[1]) + 4
        if self._trailers > self._limit:
            raise too_large(self._limit)

    def feed(self, size: int) -> None:
        """Count the bytes of a packet that frame the body. Errors: RequestError 431 over the limit."""
        if self._begun:  # the packet that holds the end of the headers is not counted
            self._framing += max(0, size - self.body - _CHUNK * self.count)
            if self._framing > self._limit:
                raise too_large(self._limit)
        self._begun = True
        self.body = self.count = 0


def too_large(limit: int) -> RequestError:
    """The refusal of a head or of trailers."""
    return RequestError(431, f"the request line, headers and trailers are over the limit of {limit} bytes")


def head_size(url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    """The bytes of a head, about: line ends and separators are counted, blanks around values are not."""
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
    """Raise RequestError unless the body is chunked and nothing else: 501 for codings that are not understood, 400 for
    what cannot be a list of codings that ends in `chunked`."""
    names = [name.strip() for name in codings.lower().split(b",")]
    if names == [b"chunked"]:
        return
    if names[-1] == b"chunked" and b"chunked" not in names[:-1] and all(names):
        raise RequestError(501, "the only transfer coding that is understood is `chunked`")
    raise RequestError(400, "the `Transfer-Encoding` header does not end in one `chunked`")


def split_target(method: str, url: bytes) -> tuple[bytes, bytes, bytes]:
    """Path, query and authority of a request target; the authority is empty unless it is in absolute form.

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
    """The protocol that a client would rather speak; empty for one that has a body to send first, or speaks 1.0."""
    if version != "1.1" or any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0")) for name, value in headers
    ):
        return b""
    protocols = [value for name, value in headers if name == b"upgrade"]
    return protocols[0].lower() if len(protocols) == 1 else b""


def head_without_upgrade(method: bytes, url: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The head of a request without its wish for another protocol."""
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

"""Connections as strategies of hypothesis: requests of parts that do not fit each other, mutated, cut into packets."""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec import Struct

from tests.fuzz.mutation import draw_mutated

METHODS = (b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"PATCH", b"TRACE", b"CONNECT", b"get", b"M-SEARCH")
_TARGETS = (
    b"/", b"/a?b=c", b"*", b"http://test/a", b"/_/live", b"/%5f/live", b"//a", b"/\xff", b"/a b", b"", b"/%00%0d%0a",
    b"test:80", b"/" + b"a" * 3000, b"/?" + b"a=1&" * 500,
)  # fmt: skip
_VERSIONS = (b"HTTP/1.1",) * 8 + (b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"http/1.1", b"HTTP/11", b"")
_LINES = (
    b"Host: test", b"Host: test", b"Host: other", b"Host: a b", b"Host:", b"Connection: close",
    b"Connection: keep-alive",
    b"Connection: Upgrade", b"Upgrade: websocket", b"Upgrade: h2c", b"Upgrade: foo", b"HTTP2-Settings: AAMAAABk",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13", b"Expect: 100-continue", b"Expect: x",
    b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: +5", b"Content-Length: 5, 5", b"Content-Length: 5,6",
    b"Content-Length: 0x5", b"Content-Length: 99999999999999999999", b"Content-Length : 5", b"Content-Length: -1",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, gzip", b"Transfer-Encoding: identity", b"Transfer-Encoding : chunked",
    b"Transfer-Encoding:\x0bchunked", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"TE: trailers",
    b"Trailer: X-Sum", b"X-Long: " + b"a" * 5000, b"X-Fold: a\r\n b", b": empty", b"No-Colon", b"X\0: a", b"X: \0",
    b"X: a\rb", b"X: a\nY: b", b"Content-Type: application/json", b"Content-Type: text/plain; charset=punycode",
    b"Content-Encoding: gzip", b"traceparent: 00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01", b"tracestate: a=1",
    b"Accept: text/html;q=x, */*;q=0", b"Range: bytes=0-", b"X-Request-Id: \xff",
)  # fmt: skip
_BODIES = (
    b"", b"hello", b"GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n",
    b'{"a": 1}', b"0\r\n\r\n", b"\0" * 3000,
)  # fmt: skip
_CHUNK_HEADS = (b"%x", b"%X", b"0%x", b"%x;ext=1", b'%x;a="b\r\nc"', b"%x ", b"0x%x", b"+%x", b"%x;" + b"e" * 2000)
_TRAILERS = (b"", b"", b"X-Sum: 1\r\n", b"Content-Length: 5\r\n", b"X: " + b"t" * 3000 + b"\r\n", b"bad\r\n")
_TOKENS = (b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b"\0", b"0\r\n\r\n", b"HTTP/1.1", *_LINES)


class Connection(Struct, frozen=True):
    """The bytes of one connection, in packets."""

    packets: tuple[bytes, ...]

    @property
    def data(self) -> bytes:
        """All of it."""
        return b"".join(self.packets)


@st.composite
def draw_request(draw: st.DrawFn) -> bytes:
    """Draw one request: mostly well formed, with up to four header fields that it should not have."""
    method, target = draw(st.sampled_from(METHODS)), draw(st.sampled_from(_TARGETS))
    body = draw(st.sampled_from(_BODIES))
    lines = [b"Host: test"] if draw(st.integers(0, 9)) else []
    framing = draw(st.integers(0, 3))
    if framing == 1:
        lines.append(b"Content-Length: %d" % len(body))
    elif framing == 2:
        lines.append(b"Transfer-Encoding: chunked")
        body = _draw_chunked(draw, body)
    elif framing == 0:
        body = b""
    extra = draw(st.lists(st.sampled_from(_LINES), max_size=4))
    index = draw(st.integers(0, len(lines)))
    head = b"\r\n".join([*lines[:index], *extra, *lines[index:]])
    version = draw(st.sampled_from(_VERSIONS))
    return b"%s %s %s\r\n%s\r\n\r\n%s" % (method, target, version, head, body)


def _draw_chunked(draw: st.DrawFn, body: bytes) -> bytes:
    cut = draw(st.integers(0, len(body)))
    parts = [part for part in (body[:cut], body[cut:]) if part]
    heads = [draw(st.sampled_from(_CHUNK_HEADS)) for _ in parts]
    chunks = b"".join((head % len(part)) + b"\r\n" + part + b"\r\n" for head, part in zip(heads, parts, strict=True))
    return chunks + b"0\r\n" + draw(st.sampled_from(_TRAILERS)) + b"\r\n"


@st.composite
def draw_connection(draw: st.DrawFn) -> Connection:
    """Draw one to four requests, one of them maybe mutated, in one to five packets."""
    parts = draw(st.lists(draw_request(), min_size=1, max_size=4))
    if draw(st.booleans()):
        number = draw(st.integers(0, len(parts) - 1))
        parts[number] = draw(draw_mutated([parts[number]], _TOKENS))
    data = b"".join(parts)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
    bounds = zip([0, *cuts], [*cuts, len(data)], strict=True)
    return Connection(tuple(data[low:high] for low, high in bounds if low < high))

"""For any body and headers the status is below 500: a fault of the client is reported as one."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import zlib
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec
import pytest
from hypothesis import strategies as st
from msgspec import Struct

from tests.fuzz import corpus
from tests.fuzz.mutation import draw_mutated, explore
from tests.fuzz.server import serve_fuzzed

_HANDLERS = ("fields", "whole", "typed", "upload", "event", "raw")
_SECONDS = float(os.environ.get("FUZZ_SECONDS", "6")) / len(_HANDLERS)
_SEED = int(os.environ.get("FUZZ_SEED", "0"))
_JSON_BODIES = (
    b'{"name": "a", "count": 2, "ratio": 0.5, "at": "2024-01-02T03:04:05Z", "on": true}',
    b'{"name": "a", "count": 1, "parts": [{"key": "k", "price": 1e3, "tags": ["x", "y"]}]}',
    b'[1, "a", null, {"b": []}]', b'"text"', b"12345678901234567890123", b"null",
    b'{"specversion":"1.0","id":"1","source":"/a","type":"t","time":"2024-01-02T03:04:05Z","data":{"a":1}}',
    b'[{"specversion":"1.0","id":"1","source":"/a","type":"t","data_base64":"aGk="}, {"specversion":"1.0"}]',
)  # fmt: skip
_FORMS = (b"name=a&count=2&at=2024-01-02T03%3A04&on=on", b"name=a&name=b&count=&ratio=nan", b"note=%ff%zz&&=&=x")
_PART = b'--cut\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
_MULTIPART = (
    _PART % (b"file", b'; filename="a.txt"\r\nContent-Type: text/plain', b"hello") + _PART % (b"note", b"",
    b"n") + b"--cut--\r\n",
    _PART % (b"name", b"", b"a") + _PART % (b"count", b"", b"3") + b"--cut--\r\n",
    _PART % (b"file", b"; filename*=UTF-8''%e2%82%ac.txt", b"\0\xff" * 50) + b"--cut--",
    _PART % (b"file", b'; filename=""', b"") + b"--cut--\r\n",
)  # fmt: skip
_PACKED = (
    *(msgspec.msgpack.encode(msgspec.json.decode(body)) for body in _JSON_BODIES[:4]),
    msgspec.msgpack.encode({"name": b"\xff", "count": 1}),
    b"\xdf\xff\xff\xff\xff\xa1a", b"\xdd\x7f\xff\xff\xff", b"\xc7\x0c\xff\0\0\0\0" + b"\xff" * 8,
    b"\xd6\xff\xff\xff\xff\xff",
)  # fmt: skip
_TOKENS = (
    b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"1e400", b'"\\ud800"', b"-0", b'"name"', b'"count"',
    b"--cut",
    b"\r\n\r\n", b'; filename="', b"Content-Type: text/plain; charset=idna\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"\x81", b"\x91", b"\xc1", b"\xd9\xff", b"\xdc\xff\xff", b"&", b"=", b"%f", b"2024-99-99", b'"data_base64"',
    b'"id"',
)  # fmt: skip
_TYPES = (
    "application/json", "application/json; charset=utf-16", "application/json;charset=punycode", "text/json",
    "application/problem+json", "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=cp1252",
    "multipart/form-data; boundary=cut", "multipart/form-data",
    'multipart/form-data; boundary="cu\\"t"; charset=undefined',
    "application/msgpack", "application/x-msgpack", "text/plain", "text/plain; charset=idna", "text/plain; charset=\"a",
    "application/octet-stream", "application/cloudevents+json", "application/cloudevents-batch+json",
    "application/cloudevents+json; charset=unicode_escape", "a", "/", ";", "application/json; q=\xff", "",
)  # fmt: skip
_HEADERS = (
    ("Accept", "text/*;q=0.1, application/json;q=x, ;;, */*;q=0"), ("Accept", "text/event-stream"), ("Accept", "\xff"),
    ("Accept-Encoding", "gzip;q=nan"), ("Content-Encoding", "gzip"), ("Content-Encoding", "deflate, gzip"),
    ("Content-Encoding", "br"), ("Content-Encoding", "zstd"), ("Content-Encoding", "x"), ("Cookie", "a=b; =; \xff"),
    ("traceparent", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"), ("traceparent", "\xff"), ("tracestate",
    "a=" + "b" * 600),
    ("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/a"), ("ce-type", "t"), ("ce-time",
    "2024-13-01T00:00:00Z"),
    ("ce-time", "2024-01-01T00:00:00Z"), ("ce-id", '"%e2%82%ac"'), ("ce-data", "x"), ("ce-", "x"), ("ce-a_b", "%ff"),
    ("Range", "bytes=a-b,0-"), ("If-Modified-Since", "x"), ("If-None-Match", '"'), ("X-Request-Id", "\x80" * 300),
)  # fmt: skip
_EVENT = (("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/a"), ("ce-type", "t"))


class Posted(Struct, frozen=True):
    """A request: media type, further headers, query and body."""

    media: str
    headers: tuple[tuple[str, str], ...]
    query: str
    body: bytes


@st.composite
def draw_posted(draw: st.DrawFn) -> Posted:
    """Draw a body of a kind, mutated, mostly under its own media type; seldom compressed; maybe with a query."""
    kinds = ((_JSON_BODIES, 0), (_FORMS, 5), (_MULTIPART, 7), (_PACKED, 10), (_JSON_BODIES, 16))
    bodies, own = draw(st.sampled_from(kinds))
    body = draw(draw_mutated(bodies, _TOKENS))
    headers = draw(st.one_of(st.just([]), st.lists(st.sampled_from(_HEADERS), max_size=3)))
    if draw(st.booleans()):
        headers = [*_EVENT, *headers]
    if draw(st.integers(0, 9)) == 0:
        pack, coding = draw(st.sampled_from(((gzip.compress, "gzip"), (zlib.compress, "deflate"))))
        body = draw(draw_mutated([pack(body)]))
        headers = [*headers, ("Content-Encoding", coding)]
    media = _TYPES[own] if draw(st.integers(0, 2)) else draw(st.sampled_from(_TYPES))
    query = draw(st.sampled_from(("", "", "", "name=q&count=1", "%ff=%zz&&", "count=" + "9" * 400, "a=1&" * 300)))
    return Posted(media, tuple(headers), query, body)


def _parse_known(data: bytes) -> Posted:
    """Parse a file of the corpus: a line of JSON about the request, and the body."""
    head, _, body = data.partition(b"\n")
    about = json.loads(head)
    return Posted(about["media"], tuple(map(tuple, about["headers"])), about["query"], body)


def _format_posted(posted: Posted) -> bytes:
    about = {"media": posted.media, "headers": posted.headers, "query": posted.query}
    return json.dumps(about).encode() + b"\n" + posted.body


@pytest.mark.slow
@pytest.mark.parametrize("handler", _HANDLERS)
def test_no_body_causes_a_server_error(handler: str, tmp_path: Path) -> None:
    """Bodies of every media type, mutated, get an answer below 500, and a problem document where they are refused."""
    last = Posted("", (), "", b"")
    with serve_fuzzed(f"main.py:{handler}", tmp_path) as service:
        address = urlsplit(service.url)
        client = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)

        def check(posted: Posted) -> None:
            nonlocal last
            last = posted
            client.putrequest("POST", "/?" + quote(posted.query, safe="%&="), skip_accept_encoding=True)
            if posted.media:
                client.putheader("Content-Type", posted.media.encode("latin-1"))
            for name, value in posted.headers:
                client.putheader(name, value.encode("latin-1"))
            client.putheader("Content-Length", str(len(posted.body)))
            client.endheaders(posted.body)
            answer = client.getresponse()
            body = answer.read()
            assert answer.status < 500, f"{answer.status} {body[:300]!r}"
            if answer.status >= 400:
                assert answer.headers["Content-Type"] == "application/problem+json", answer.headers["Content-Type"]
                assert json.loads(body)["status"] == answer.status
                assert len(body) < 16 * 1024, "a refusal without end"

        try:
            for data in corpus.read_seeds("bodies"):
                check(_parse_known(data))
            explore(draw_posted(), check, _SECONDS, _SEED)
        except Exception:
            print(f"kept as {corpus.save_failed('bodies', _format_posted(last))}")
            raise
        finally:
            client.close()

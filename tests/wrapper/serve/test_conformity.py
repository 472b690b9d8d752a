"""The HTTP port: raw requests and the answers that HTTP asks for, for each shape of handler.

A row of the table below is a case. What is ambiguous is refused and the connection is closed, as a proxy in front of
the service may have read it in another way.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.raw import Answer, Raw, run_service
from tests.service import Service

FLAGS = ("--max-header", "8KiB", "--max-body", "1MiB", "--log-format", "json")
GET = b"GET /good HTTP/1.1\r\nhost: t\r\n\r\n"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"


def get(target: bytes = b"/a", *lines: bytes, version: bytes = b"1.1", host: bytes | None = b"t") -> bytes:
    head = [b"GET %s HTTP/%s" % (target, version), *([] if host is None else [b"host: " + host]), *lines]
    return b"\r\n".join(head) + b"\r\n\r\n"


def post(body: bytes, *lines: bytes, version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([b"POST /a HTTP/%s" % version, b"host: t", *lines]) + b"\r\n\r\n" + body


def chunked(body: bytes, *lines: bytes) -> bytes:
    return post(body, b"transfer-encoding: chunked", *lines)


# name: (what is sent, the statuses that come); a last status over 299 ends the connection, any other does not
TABLE: dict[str, tuple[bytes, list[int]]] = {
    # Host
    "host": (get(), [200]),
    "host with a port": (get(host=b"example.com:8080"), [200]),
    "host that is an IPv6 address": (get(host=b"[::1]:80"), [200]),
    "empty host": (get(host=b""), [200]),
    "host with an underscore": (get(host=b"my_service"), [200]),
    "no host": (get(host=None), [400]),
    "no host, HTTP/1.0": (get(version=b"1.0", host=None), [200]),
    "two hosts": (get(b"/a", b"host: t"), [400]),
    "two hosts, HTTP/1.0": (get(b"/a", b"host: u", version=b"1.0"), [400]),
    "host with a blank": (get(host=b"a b"), [400]),
    "host with a path": (get(host=b"a/b"), [400]),
    "host with a user": (get(host=b"u@a"), [400]),
    "host with a list": (get(host=b"a,b"), [400]),
    "host with a port that is no number": (get(host=b"a:b"), [400]),
    "host that is not ASCII": (get(host=b"\xe9"), [400]),
    "host with half an address": (get(host=b"[::1"), [400]),
    # versions and methods
    "HTTP/1.2": (get(version=b"1.2"), [505]),
    "HTTP/2.0": (get(version=b"2.0"), [505]),
    "HTTP/3.0": (get(version=b"3.0"), [505]),
    "HTTP/0.9 that says so": (get(version=b"0.9"), [505]),
    "HTTP/0.9": (b"GET /\r\n\r\n", [505]),
    "HTTP/2 with prior knowledge": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505]),
    "version with two digits": (get(version=b"1.10"), [400]),
    "another protocol": (b"GET / HTTQ/1.1\r\nhost: t\r\n\r\n", [400]),
    "CONNECT": (b"CONNECT t:443 HTTP/1.1\r\nhost: t:443\r\n\r\n" + GET, [501]),
    "method in lower case": (b"get / HTTP/1.1\r\nhost: t\r\n\r\n", [400]),
    # targets
    "absolute form": (get(b"http://t/a?b=c"), [200]),
    "absolute form without a path": (get(b"http://t"), [200]),
    "absolute form with a user": (get(b"http://u@t/a"), [400]),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\nhost: t\r\n\r\n", [200]),
    "asterisk for GET": (get(b"*"), [400]),
    "target that is a word": (get(b"a"), [400]),
    "target with a fragment": (get(b"/a#b"), [400]),
    "target with a blank": (get(b"/a b"), [400]),
    "target that is not ASCII": (get(b"/\xc3\xa9"), [400]),
    "target with a control character": (get(b"/\x01"), [400]),
    # lines and fields
    "line ends before a request": (b"\r\n\r\n" + get(), [200]),
    "bare LF after the request line": (b"GET / HTTP/1.1\nhost: t\r\n\r\n", [400]),
    "bare LF after a header": (b"GET / HTTP/1.1\r\nhost: t\n\r\n", [400]),
    "bare LF as the end of the head": (b"GET / HTTP/1.1\r\nhost: t\r\n\n", [400]),
    "bare CR in a value": (get(b"/a", b"x: a\rb"), [400]),
    "NUL in a value": (get(b"/a", b"x: a\0b"), [400]),
    "blank before the colon": (get(b"/a", b"x : a"), [400]),
    "blank before the first header": (b"GET / HTTP/1.1\r\n host: t\r\n\r\n", [400]),
    "folded value": (get(b"/a", b"x: a", b" b"), [400]),
    "no name": (get(b"/a", b": a"), [400]),
    "name with a bracket": (get(b"/a", b"x(y): a"), [400]),
    "name that is not ASCII": (get(b"/a", b"\xe9: a"), [400]),
    "line without a colon": (get(b"/a", b"word"), [400]),
    # how long a body is
    "length": (post(b"hello", b"content-length: 5"), [200]),
    "length with blanks": (post(b"hello", b"content-length:  5 "), [200]),
    "two lengths that agree": (post(b"hello", b"content-length: 5", b"content-length: 5"), [400]),
    "two lengths": (post(b"hello", b"content-length: 5", b"content-length: 6"), [400]),
    "list of lengths": (post(b"hello", b"content-length: 5, 5"), [400]),
    "length with a sign": (post(b"hello", b"content-length: +5"), [400]),
    "length below zero": (post(b"hello", b"content-length: -5"), [400]),
    "length in hexadecimal": (post(b"hello", b"content-length: 0x5"), [400]),
    "empty length": (post(b"hello", b"content-length:"), [400]),
    "length of 20 digits": (post(b"hello", b"content-length: 99999999999999999999"), [400]),
    "length and chunks": (post(HELLO, b"content-length: 5", b"transfer-encoding: chunked"), [400]),
    "chunks and length": (post(HELLO, b"transfer-encoding: chunked", b"content-length: 5"), [400]),
    "length and a coding": (post(HELLO, b"content-length: 5", b"transfer-encoding: identity"), [400]),
    # transfer codings
    "chunks": (chunked(HELLO), [200]),
    "chunks in capitals": (post(HELLO, b"transfer-encoding: CHUNKED "), [200]),
    "gzip and chunks": (post(HELLO, b"transfer-encoding: gzip, chunked"), [501]),
    "gzip and chunks in two lines": (post(HELLO, b"transfer-encoding: gzip", b"transfer-encoding: chunked"), [501]),
    "gzip": (post(HELLO, b"transfer-encoding: gzip"), [400]),
    "identity": (post(HELLO, b"transfer-encoding: identity"), [400]),
    "empty coding": (post(HELLO, b"transfer-encoding:"), [400]),
    "chunks twice": (post(HELLO, b"transfer-encoding: chunked, chunked"), [400]),
    "chunks in two lines": (post(HELLO, b"transfer-encoding: chunked", b"transfer-encoding: chunked"), [400]),
    "chunks and gzip": (post(HELLO, b"transfer-encoding: chunked, gzip"), [400]),
    "chunks with a parameter": (post(HELLO, b"transfer-encoding: chunked;a=b"), [400]),
    "chunks after a comma": (post(HELLO, b"transfer-encoding: ,chunked"), [400]),
    "chunks in quotes": (post(HELLO, b'transfer-encoding: "chunked"'), [400]),
    "not quite chunks": (post(HELLO, b"transfer-encoding: xchunked"), [400]),
    "chunks with a vertical tab": (post(HELLO, b"transfer-encoding: \x0bchunked"), [400]),
    "chunks, HTTP/1.0": (post(HELLO, b"transfer-encoding: chunked", version=b"1.0"), [400]),
    # chunks
    "chunk extension": (chunked(b'5;a=b;c="d"\r\nhello\r\n0;e\r\n\r\n'), [200]),
    "trailers": (chunked(b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"), [200]),
    "blank after a size": (chunked(b"5 \r\nhello\r\n0\r\n\r\n"), [400]),
    "bare LF after a size": (chunked(b"5\nhello\r\n0\r\n\r\n"), [400]),
    "bare LF after a chunk": (chunked(b"5\r\nhello\n0\r\n\r\n"), [400]),
    "bare LF in an extension": (chunked(b"5;a\nb\r\nhello\r\n0\r\n\r\n"), [400]),
    "bare LF in a trailer": (chunked(b"5\r\nhello\r\n0\r\nx: y\n\r\n"), [400]),
    "bare LF as the end of trailers": (chunked(b"5\r\nhello\r\n0\r\n\n"), [400]),
    "no line end after a chunk": (chunked(b"5\r\nhello0\r\n\r\n"), [400]),
    "size with a sign": (chunked(b"+5\r\nhello\r\n0\r\n\r\n"), [400]),
    "size with 0x": (chunked(b"0x5\r\nhello\r\n0\r\n\r\n"), [400]),
    "no size": (chunked(b"\r\nhello\r\n0\r\n\r\n"), [400]),
    "size over 64 bits": (chunked(b"ffffffffffffffff0\r\nhello\r\n0\r\n\r\n"), [400]),
    "trailer with a length": (chunked(b"5\r\nhello\r\n0\r\ncontent-length: 3\r\n\r\n"), [400]),
    # limits
    "large header": (get(b"/a", b"x: " + b"x" * 9000), [431]),
    "many headers": (get(b"/a", *[b"x: y"] * 3000), [431]),
    "long target": (get(b"/" + b"x" * 9000), [431]),
    "large trailer": (chunked(b"0\r\nx: " + b"x" * 9000 + b"\r\n\r\n"), [431]),
    "many trailers": (chunked(b"0\r\n" + b"x: y\r\n" * 3000 + b"\r\n"), [431]),
    "large header behind another request": (get() + get(b"/b", b"x: " + b"x" * 9000), [200, 431]),
    "large trailer behind another request": (get() + chunked(b"0\r\nx: " + b"x" * 9000 + b"\r\n\r\n"), [200, 431]),
    "many small requests": (get() * 1000, [200] * 1000),
    "many small chunks": (chunked(b"1\r\nx\r\n" * 9000 + b"0\r\n\r\n"), [200]),
    # expectations
    "100-continue with the body": (post(b"hello", b"content-length: 5", b"expect: 100-continue"), [200]),
    "100-continue in capitals": (post(b"hello", b"content-length: 5", b"expect: 100-Continue "), [200]),
    "100-continue, HTTP/1.0": (post(b"hello", b"content-length: 5", b"expect: 100-continue", version=b"1.0"), [200]),
    "another expectation": (get(b"/a", b"expect: tea"), [417]),
    "another expectation, HTTP/1.0": (get(b"/a", b"expect: tea", version=b"1.0"), [200]),
    # several requests
    "two": (get() + post(b"hello", b"content-length: 5") + GET, [200, 200, 200]),
    "a good one and a malformed one": (get() + b"bad\r\n\r\n", [200, 400]),
    "good ones and a malformed one": (get() * 3 + get(b"/a", b"x : y") + get(), [200, 200, 200, 400]),
    "a good one and a malformed chunk": (get() + chunked(b"x\r\n"), [200, 400]),
    "a good one and one without a host": (get() + get(host=None) + get(), [200, 400]),
    "one that closes, and another": (get(b"/a", b"connection: close") + get(), [200]),
    "one that closes, and a malformed one": (get(b"/a", b"connection: close") + b"bad\r\n\r\n", [200]),
    # wishes for other protocols
    "upgrade": (get(b"/a", b"connection: Upgrade", b"upgrade: foo"), [200]),
    "upgrade, and another": (get(b"/a", b"connection: Upgrade", b"upgrade: foo") + get(), [200, 200]),
    "upgrade with a body": (
        post(GET, b"connection: Upgrade", b"upgrade: foo", b"content-length: %d" % len(GET)), [200],
    ),
    "upgrade with chunks": (chunked(HELLO, b"connection: keep-alive, upgrade", b"upgrade: h2c"), [200]),
    "upgrade with a body, and another": (
        post(b"hello", b"connection: upgrade", b"upgrade: foo", b"content-length: 5") + GET, [200, 200],
    ),
    "upgrades": (post(b"hello", b"connection: upgrade", b"upgrade: x", b"content-length: 5") * 400, [200] * 400),
    "upgrade and a malformed one": (get(b"/a", b"connection: Upgrade", b"upgrade: foo") + b"bad\r\n\r\n", [200, 400]),
    "upgrade that closes": (get(b"/a", b"connection: close, upgrade", b"upgrade: foo") + get(), [200]),
    "upgrade, HTTP/1.0": (get(b"/a", b"connection: upgrade", b"upgrade: foo", version=b"1.0"), [200]),
    "upgrade without a host": (get(b"/a", b"connection: upgrade", b"upgrade: foo", host=None), [400]),
    "upgrade with both lengths": (
        post(HELLO, b"connection: upgrade", b"upgrade: x", b"content-length: 5", b"transfer-encoding: chunked"), [400],
    ),
    "WebSocket with a body": (
        post(GET, b"connection: upgrade", b"upgrade: websocket", b"content-length: %d" % len(GET)), [200],
    ),
}  # fmt: skip
CLOSED = {  # answers below 300 that are the connection's last
    "no host, HTTP/1.0", "100-continue, HTTP/1.0", "another expectation, HTTP/1.0", "upgrade, HTTP/1.0",
    "one that closes, and another", "one that closes, and a malformed one", "upgrade that closes",
}  # fmt: skip


@pytest.fixture(scope="module", params=["handler", "later", "application", "wsgi"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, f"echo/main.py:{request.param}", *FLAGS) as server:
        yield server


def final(client: Raw) -> Answer:
    """The next answer that is not an interim one."""
    answer = client.answer()
    while answer.status == 100:
        answer = client.answer()
    return answer


def check(client: Raw, name: str) -> None:
    """The answers of a case come in order, and the connection stays open or ends."""
    statuses = TABLE[name][1]
    answers = [final(client) for _ in statuses]
    assert [answer.status for answer in answers] == statuses
    for answer in answers:
        if answer.status != 200:
            assert answer.headers["content-type"] == "application/problem+json"
            assert json.loads(answer.body)["status"] == answer.status
    if statuses[-1] == 200 and name not in CLOSED:
        client.send(GET)
        assert json.loads(final(client).body)["path"] == "/good"
    else:
        assert answers[-1].headers["connection"] == "close"
        assert client.ended()


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_request_in_one_packet(service: Service, name: str) -> None:
    """A request that comes at once gets the answer of the table."""
    with Raw(service) as client:
        client.send(TABLE[name][0])
        check(client, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, (data, _) in TABLE.items() if len(data) < 1000])
def test_request_in_many_packets(service: Service, name: str) -> None:
    """A request whose bytes come one by one gets the same answer."""
    with Raw(service) as client:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in TABLE[name][0]:
            try:
                client.send(bytes([byte]))
            except OSError:  # the server has closed the connection, and its answer lies there
                break
        check(client, name)


def read_echo(client: Raw) -> dict[str, Any]:
    answer = final(client)
    assert answer.status == 200
    return json.loads(answer.body)  # type: ignore[no-any-return]


@pytest.mark.parametrize("pause", [0.0, 0.05])
def test_body_behind_a_wish_for_another_protocol(service: Service, pause: float) -> None:
    """The body of a request whose upgrade is not taken is its body, also where it looks like a request and comes later;
    the handler sees the head as it was sent."""
    head = post(b"", b"connection: keep-alive, Upgrade", b"upgrade: foo", b"content-length: %d" % len(GET), b"x-a: b")
    with Raw(service) as client:
        client.send(head)
        time.sleep(pause)
        client.send(GET)
        answer = read_echo(client)
        assert (answer["path"], answer["body"]) == ("/a", GET.decode())
        headers = answer["headers"]
        assert (headers["upgrade"], headers["connection"], headers["x-a"]) == ("foo", "keep-alive, Upgrade", "b")
        client.send(GET)
        assert read_echo(client)["path"] == "/good"


def test_curl_that_offers_http_2(service: Service) -> None:
    """`curl --http2` with a body gets the answer of HTTP/1.1 to it, also for a large one."""
    for body in ("hello", "x" * 100_000):
        command = ["curl", "-sS", "--http2", "-d", "@-", "-H", "content-type: text/plain", service.url + "/a"]
        process = subprocess.run(command, input=body, capture_output=True, text=True, timeout=30, check=True)
        assert json.loads(process.stdout)["body"] == body


def test_trailers_are_no_headers(service: Service) -> None:
    """Trailers are dropped: they neither override headers nor add to them."""
    trailers = b"x-request-id: two\r\ncontent-type: text/html\r\nhost: evil\r\nce-id: 1\r\nexpect: tea\r\n"
    with Raw(service) as client:
        client.send(chunked(b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n", b"x-request-id: one") + GET)
        answer = read_echo(client)
        assert (answer["body"], answer["headers"]["x-request-id"], answer["headers"]["host"]) == ("hello", "one", "t")
        assert not {"ce-id", "expect"} & set(answer["headers"])
        assert read_echo(client)["path"] == "/good"


def test_blanks_around_a_value(service: Service) -> None:
    """Blanks and tabs before and after a header's value are not part of it."""
    with Raw(service) as client:
        client.send(get(b"/a", b"x-a: \t b c \t ", b"x-b:", b"x-c:  "))
        headers = read_echo(client)["headers"]
        assert (headers["x-a"], headers.get("x-b", ""), headers.get("x-c", "")) == ("b c", "", "")


def test_authority_of_an_absolute_target(service: Service) -> None:
    """The host of a target in absolute form counts, and not that of the header."""
    with Raw(service) as client:
        client.send(get(b"http://right:81/a?b=c", host=b"wrong"))
        answer = read_echo(client)
        assert (answer["path"], answer["headers"]["host"]) == ("/a", "right:81")


def test_http_1_0_gets_no_chunks(service: Service) -> None:
    """An answer without a length ends with the connection for a client of HTTP/1.0, and is chunked for one of 1.1."""
    with Raw(service) as client:
        client.send(get(b"/a?length=no"))
        assert read_echo(client)["path"] == "/a"
    with Raw(service) as client:
        client.send(get(b"/a?length=no", b"connection: keep-alive", version=b"1.0"))
        head, _, body = client.file.read().partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        assert head.lower().count(b"connection: close") == 1
        assert json.loads(body)["path"] == "/a"


def test_no_interim_answer_to_http_1_0(service: Service) -> None:
    """`100 Continue` is sent to a client of HTTP/1.1 that waits for it, and never to HTTP/1.0."""
    with Raw(service) as client:
        client.send(post(b"", b"content-length: 5", b"expect: 100-continue"))
        assert client.answer().status == 100
        client.send(b"hello")
        assert client.answer().status == 200
    with Raw(service) as client:
        client.send(post(b"", b"content-length: 5", b"expect: 100-continue", version=b"1.0"))
        time.sleep(0.2)
        client.send(b"hello")
        assert client.answer().status == 200


def test_no_interim_answer_to_a_client_that_does_not_wait(service: Service) -> None:
    """A client that sends its body with the head needs no `100 Continue`."""
    with Raw(service) as client:
        client.send(post(b"hello", b"content-length: 5", b"expect: 100-continue"))
        assert client.answer().status == 200
        client.send(GET)
        assert client.answer().status == 200


def test_trace(service: Service) -> None:
    """`TRACE` is a 405 that lists methods: its answer would show a script what the browser hides from it."""
    with Raw(service) as client:
        client.send(get().replace(b"GET", b"TRACE", 1))
        answer = client.answer()
        assert (answer.status, answer.headers["allow"]) == (405, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")
        client.send(GET)
        assert read_echo(client)["path"] == "/good"


@pytest.mark.slow
def test_slow_call_before_a_malformed_request(service: Service) -> None:
    """The answer of a call that takes its time comes before the refusal of what is behind it."""
    with Raw(service) as client:
        client.send(get(b"/a?seconds=0.3") + get() + b"bad\r\n\r\n" + GET)
        assert [client.answer().status for _ in range(3)] == [200, 200, 400]
        assert client.ended()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", ["0", "0.4"])
def test_client_that_sends_no_more(service: Service, seconds: str) -> None:
    """A client that shuts down its writing side after its requests, such as `nc -N`, gets its answers and the end."""
    with Raw(service) as client:
        client.send(get(b"/a?seconds=%s" % seconds.encode()) + post(b"hello", b"content-length: 5"))
        client.sock.shutdown(socket.SHUT_WR)
        assert read_echo(client)["path"] == "/a"
        assert read_echo(client)["body"] == "hello"
        assert client.ended()


def test_client_that_sends_no_more_after_a_malformed_request(service: Service) -> None:
    """A client that sends no more gets the refusal too."""
    with Raw(service) as client:
        client.send(get(b"/a?seconds=0.2") + b"bad\r\n\r\n")
        client.sock.shutdown(socket.SHUT_WR)
        assert [client.answer().status for _ in range(2)] == [200, 400]
        assert client.ended()


def test_refusal_of_a_client_that_goes_on_sending(service: Service) -> None:
    """A client that is refused and sends on for a while sees the answer, and no reset."""
    with Raw(service) as client:
        client.send(b"bad\r\n\r\n")
        for _ in range(20):
            client.send(b"x" * 65536)
            time.sleep(0.005)
        assert client.answer().status == 400
        assert client.file.read() == b""


def test_refused_requests_are_counted(service: Service) -> None:
    """Requests that are no calls are counted by their status."""
    name = 'ovenbird_calls_total{status="505"}'
    before = service.metrics().get(name, 0)
    with Raw(service) as client:
        client.send(get(version=b"3.0"))
        assert client.answer().status == 505
    assert service.metrics()[name] == before + 1


# limits to what a connection may hold, whatever it sends; they lie before the handler, whose shape does not matter


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "echo/main.py:later", *FLAGS) as server:
        yield server


def flood(service: Service, client: Raw, part: bytes, seconds: float = 4.0) -> float:
    """Send parts until the server stops reading, or the time is up; return how far its memory rose, in bytes."""
    resident = 'ovenbird_worker_resident_memory_bytes{worker="0"}'
    before = most = service.metrics()[resident]
    client.sock.settimeout(0.5)
    end, data = time.monotonic() + seconds, memoryview(part * (1_000_000 // len(part)))
    with contextlib.suppress(OSError):
        while time.monotonic() < end:
            start = 0
            while start < len(data):
                start += client.sock.send(data[start:])
            most = max(most, service.metrics()[resident])
    client.sock.settimeout(20)
    began = time.monotonic()
    assert service.get("/_/live").status_code == 200
    assert time.monotonic() - began < 2
    return max(most, service.metrics()[resident]) - before


@pytest.mark.slow
@pytest.mark.parametrize(("head", "part"), [
    (chunked(b"0\r\n"), b"x: y\r\n"),
    (chunked(b"0\r\n"), b"x: %s\r\n" % (b"y" * 1000)),
    (chunked(b"0\r\nx: "), b"y"),
    (chunked(b"1;"), b"e"),
    (chunked(b""), b"0"),
    (chunked(b"1\r\nx\r\n" * 10), b"1;%s\r\nx\r\n" % (b"e" * 100)),
    (GET[:-2], b"x: y\r\n"),
    (GET + GET[:-2] + b"x: ", b"y"),
    (b"", b"\r\n"),
    (b"GET /", b"x"),
], ids=[
    "trailers", "large trailers", "trailer", "extension", "size", "extensions", "headers", "header behind another",
    "line ends", "target",
])  # fmt: skip
def test_flood(plain: Service, head: bytes, part: bytes) -> None:
    """Endless data that is no body is a 431 and ends the connection; memory stays flat and the loop turns."""
    with Raw(plain) as client:
        client.send(head)
        rise = flood(plain, client, part)
        with contextlib.suppress(ConnectionResetError):  # the client sent more than a refused one may
            statuses = [final(client).status]
            if statuses == [200]:
                statuses.append(final(client).status)
            assert statuses[-1] == 431
            assert client.ended()
    assert rise < 30e6


@pytest.mark.slow
def test_flood_of_requests(plain: Service) -> None:
    """Requests behind a slow one wait where they cost nothing: no more are read until it is answered."""
    with Raw(plain) as client:
        client.send(get(b"/a?seconds=3"))
        rise = flood(plain, client, GET, 2.0)
        assert read_echo(client)["path"] == "/a"
        assert [read_echo(client)["path"] for _ in range(2000)] == ["/good"] * 2000
    assert rise < 30e6


# WebSockets of an ASGI application

KEY = b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=="
SOCKET = (b"connection: keep-alive, Upgrade", b"upgrade: WebSocket")
TEXT = b"\x81\x85\0\0\0\0hello"  # a frame of a client


@pytest.fixture(scope="module")
def sockets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "echo/main.py:application", *FLAGS) as server:
        yield server


@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_websocket(sockets: Service, pause: float) -> None:
    """A WebSocket works behind a call on the same connection, also where its first frame comes with the handshake."""
    with Raw(sockets) as client:
        client.send(GET)
        assert read_echo(client)["path"] == "/good"
        client.send(get(b"/ws?a=b", *SOCKET, KEY, b"sec-websocket-version: 13"))
        time.sleep(pause)
        client.send(TEXT)
        assert client.answer().status == 101
        assert client.file.read(7) == b"\x81\x05hello"


def test_websocket_in_one_packet(sockets: Service) -> None:
    """A frame in the packet of the handshake is not lost."""
    with Raw(sockets) as client:
        client.send(get(b"/ws", *SOCKET, KEY, b"sec-websocket-version: 13") + TEXT)
        assert client.answer().status == 101
        assert client.file.read(7) == b"\x81\x05hello"


@pytest.mark.parametrize("lines", [(), (KEY,), (KEY, b"sec-websocket-version: 12"), (b"sec-websocket-key: x",)])
def test_malformed_websocket(sockets: Service, lines: tuple[bytes, ...]) -> None:
    """A handshake that lacks something is refused, and the connection ends: a request behind it is not run."""
    with Raw(sockets) as client:
        client.send(get(b"/ws", *SOCKET, *lines) + GET)
        assert client.answer().status in (400, 426)
        assert client.ended()


@pytest.mark.slow
def test_websocket_behind_a_slow_call(sockets: Service) -> None:
    """A handshake does not overtake the answer before it: it is read as a plain request."""
    with Raw(sockets) as client:
        client.send(get(b"/a?seconds=0.3") + get(b"/ws", *SOCKET, KEY, b"sec-websocket-version: 13") + GET)
        assert [read_echo(client)["path"] for _ in range(3)] == ["/a", "/ws", "/good"]


@pytest.mark.parametrize("lines", [(b"upgrade: foo", b"upgrade: websocket"), (b"upgrade: h2c, websocket",)])
def test_several_protocols(sockets: Service, lines: tuple[bytes, ...]) -> None:
    """A client that names several protocols gets HTTP/1.1."""
    with Raw(sockets) as client:
        client.send(get(b"/ws", b"connection: upgrade", *lines, KEY, b"sec-websocket-version: 13"))
        assert read_echo(client)["path"] == "/ws"

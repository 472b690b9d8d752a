"""What goes wrong on the way: servers that hang up, wait, redirect or lie; each client over real sockets."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from typing import Any

import pytest
from tests.wrapper.client.scripted import reply, scripted

from ovenbird.client.errors import (
    AnswerDecodeError,
    AnswerInterruptedError,
    ClientError,
    ClientTimeoutError,
    ConnectionFailedError,
    ContractMissingError,
    NotOvenbirdError,
    RedirectedError,
    ServiceError,
    TooManyCallsError,
    UnauthorizedError,
    UnavailableError,
)

pytestmark = pytest.mark.slow
Connect = Callable[..., Any]
BUSY = partial(reply, b'{"detail": "busy"}', kind="application/problem+json")
KEY = "a-key-that-nobody-may-see"


def hang_up(client: socket.socket) -> None:
    """End the connection without a word."""


def say(data: bytes) -> Callable[[socket.socket], None]:
    """Return a step that sends bytes and ends the connection."""
    return lambda client: client.sendall(data)


def drip(head: bytes, patience: float = 20.0) -> Callable[[socket.socket], None]:
    """Return a step that sends one byte each 20 ms: each of them is within any limit for a read."""

    def send(client: socket.socket) -> None:
        end = time.monotonic() + patience
        for number in range(100_000):
            if time.monotonic() > end:
                return
            client.sendall(head[number : number + 1] or b"x")
            time.sleep(0.02)

    return send


@pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests"])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_call_waits_as_long_as_retry_after_says(connect: Connect, status: str, form: str) -> None:
    """In seconds or as a date; then the call is sent again, and its answer is the result."""
    wait = "1" if form == "seconds" else formatdate(time.time() + 2, usegmt=True)
    with scripted(BUSY(status=status, retry_after=wait), reply(b"1")) as server:
        start = time.monotonic()
        assert connect(server.url).call(name="Ada") == 1
        assert time.monotonic() - start >= 0.9
        assert len(server.calls) == 2


def test_retries_are_bounded(connect: Connect) -> None:
    """By their number, and by the time of the call: what cannot be waited for is an error at once."""
    with scripted(*[BUSY(status="503 x", retry_after="0")] * 3, contract=False) as server:
        with pytest.raises(UnavailableError, match=r"503 .*: busy") as caught:
            connect(server.url, retries=2).post(json=1)
        assert (len(server.calls), caught.value.retry_after) == (3, 0)
    with scripted(BUSY(status="429 x", retry_after="3600"), contract=False) as server:
        start = time.monotonic()
        with pytest.raises(TooManyCallsError) as refused:
            connect(server.url, timeout=30).post(json=1)
        assert (len(server.calls), refused.value.retry_after) == (1, 3600)
        assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    "step",
    [
        BUSY(status="503 x"),  # a proxy's, perhaps: nothing says that the call was not executed
        reply(b'{"may_have_run": true}', "503 x", "application/problem+json", retry_after="0"),
        reply(b"", "502 x"),
        reply(b"", "504 x"),
        hang_up,
        say(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"),
        say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"),
    ],
    ids=["503", "stopped", "502", "504", "silence", "cut", "cut chunks"],
)
def test_what_may_have_been_executed_is_not_repeated(connect: Connect, step: Any) -> None:
    """Unless the caller says that it is idempotent; then it is sent again."""
    with scripted(step, reply(b"1"), contract=False) as server:
        with pytest.raises((AnswerInterruptedError, ServiceError)):
            connect(server.url).post(json=1)
        assert len(server.calls) == 1
    with scripted(step, reply(b"1"), contract=False) as server:
        assert connect(server.url, idempotent=True).post(json=1).value == 1
        assert len(server.calls) == 2
    with scripted(step, reply(b"1"), contract=False) as server:  # GET is idempotent
        assert connect(server.url).get().value == 1


def test_a_refused_connection_is_tried_again(connect: Connect) -> None:
    """Nothing was sent; the service starts while the client waits."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = connect(f"http://127.0.0.1:{port}", retries=10)
    ready = threading.Event()

    def serve() -> None:
        time.sleep(0.2)
        with socket.create_server(("127.0.0.1", port)) as server:
            ready.set()
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(reply(b"1"))

    thread = threading.Thread(target=serve)
    thread.start()
    assert client.post(json=1).value == 1
    thread.join(20)
    assert ready.is_set()
    with pytest.raises(ConnectionFailedError, match="no connection: Connection refused"):
        connect(f"http://127.0.0.1:{port}", retries=1).post(json=1)


def test_a_host_that_does_not_exist(connect: Connect) -> None:
    """Its name is in the error."""
    with pytest.raises(ConnectionFailedError, match=r"http://no-such-host\.invalid/.*no connection"):
        connect("http://no-such-host.invalid", retries=0).call(name="Ada")


@pytest.mark.parametrize(
    "step",
    [
        drip(b"HTTP/1.1 200 OK\r\nx: "),
        drip(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"),
        lambda client: client.recv(1),
    ],
    ids=["slow head", "slow body", "silence"],
)
def test_the_time_of_a_call_is_kept(connect: Connect, step: Any) -> None:
    """The limit is for the whole call, not for each byte."""
    with scripted(step, contract=False) as server:
        start = time.monotonic()
        with pytest.raises(ClientTimeoutError, match="no answer in time"):
            connect(server.url, timeout=0.5).post(json=1)
        assert time.monotonic() - start < 10


def test_a_stream_has_a_limit_for_each_item(connect: Connect) -> None:
    """A slow stream is read to its end; one that says nothing for too long is not."""

    def lines(pause: float) -> Callable[[socket.socket], None]:
        def send(client: socket.socket) -> None:
            client.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n")
            for number in range(4):
                client.sendall(b"%d\n" % number)
                time.sleep(pause)

        return send

    with scripted(lines(0.25)) as server:
        assert list(connect(server.url, timeout=0.7).stream(name="Ada")) == [0, 1, 2, 3]
    with scripted(lines(3)) as server:
        items = iter(connect(server.url, timeout=0.7).stream(name="Ada"))
        assert next(items) == 0
        with pytest.raises(ClientTimeoutError):
            next(items)


def test_redirects_are_not_followed(connect: Connect) -> None:
    """Neither the key nor the body goes to another address, even at the same host."""
    with scripted(contract=False) as other:
        target = f"http://user:{KEY}@127.0.0.1:{other.port}/"
        with scripted(reply(b"", "307 Temporary Redirect", location=target), contract=False) as server:
            with pytest.raises(RedirectedError, match="which is not followed") as caught:
                connect(server.url, api_key=KEY).post(json=1)
            assert KEY not in str(caught.value)
        with scripted(reply(b"", "301 x", location=target), contract=False) as server, pytest.raises(RedirectedError):
            connect(server.url, api_key=KEY).call(name="Ada")
        assert other.requests == []


def test_credentials_are_in_no_message(connect: Connect) -> None:
    """Not if the server repeats them, and not in the client's text; the service gets them."""
    body = b'{"title": "no", "detail": "the key %s is wrong", "errors": [{"field": "%s", "message": "x"}]}'
    wrong = body % (KEY.encode(), KEY.encode())
    with scripted(reply(wrong, "401 x", "application/problem+json"), contract=False) as server:
        client = connect(server.url, api_key=KEY)
        with pytest.raises(UnauthorizedError) as caught:
            client.post(json=1)
        assert KEY not in f"{caught.value}{caught.value!r}{client!r}{client.with_options(timeout=3)!r}"
        assert f"authorization: bearer {KEY}".encode() in server.requests[0].lower()
    with scripted(reply(b"1"), contract=False) as server:
        client = connect(server.url.replace("//", f"//user:{KEY}@"))
        assert client.post(json=1).value == 1
        assert KEY not in repr(client)
        assert b"authorization: basic " in server.requests[0].lower()
    keys = iter([KEY, "the-next"])
    with scripted(reply(b"1"), reply(b"2"), contract=False) as server:
        client = connect(server.url, api_key=lambda: next(keys))
        client.post(json=1)
        client.post(json=2)
        assert [b"Bearer the-next" in request for request in server.requests] == [False, True]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(b"<html>hello</html>", kind="text/html"), NotOvenbirdError),
        (reply(b'{"detail": "Not Found"}', "404 Not Found"), NotOvenbirdError),
        (reply(b'{"openapi": "3.1.0", "paths": {}}'), NotOvenbirdError),
        (reply(b'{"openapi": "3.1.0", "paths": {"/": {"post": 3}}}'), NotOvenbirdError),
        (reply(b"[" * 100_000), NotOvenbirdError),
        (reply(b"{}", "404 x", "application/problem+json"), ContractMissingError),
        (reply(b"{}", "401 x"), UnauthorizedError),
        (reply(b"", "500 x"), ServiceError),
        (say(b"SSH-2.0-OpenSSH_9.2\r\n"), AnswerInterruptedError),
        (say(b"\x15\x03\x01\x00\x02\x02\x28"), AnswerInterruptedError),
    ],
    ids=["html", "fastapi", "no paths", "no operation", "deep", "off", "key", "failed", "ssh", "tls"],
)
def test_the_other_end_is_no_ovenbird(connect: Connect, answer: Any, error: type[ClientError]) -> None:
    """The error says what was found, and what still works."""
    with scripted(answer, contract=False) as server:
        with pytest.raises(error) as caught:
            connect(server.url, retries=0).call(name="Ada")
        assert f"{server.url}/_/openapi.json" in str(caught.value)
        if error in (NotOvenbirdError, ContractMissingError):
            assert "`post(json=…)`" in caught.value.hint


def test_compressed_answers(connect: Connect) -> None:
    """gzip is decoded, whole and as a stream; what is no gzip is an error."""
    packed = gzip.compress(b"[1, 2]\n[3]\n")
    lines = partial(reply, kind="application/x-ndjson", content_encoding="gzip")
    with scripted(lines(packed), lines(packed), lines(b"no gzip")) as server:
        client = connect(server.url)
        assert client.call(name="Ada") == [[1, 2], [3]]
        assert list(client.stream(name="Ada")) == [[1, 2], [3]]
        assert b"accept-encoding: gzip, deflate" in server.requests[0].lower()
        with pytest.raises(AnswerDecodeError):
            client.call(name="Ada")


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"NaN"], ids=["cut", "empty", "no utf-8", "nan"])
def test_json_that_is_none(connect: Connect, body: bytes) -> None:
    """The error shows how the answer begins. NaN, which Python's servers write, is read; nothing is None."""
    with scripted(reply(body)) as server:
        client = connect(server.url)
        if body in (b"", b"NaN"):
            assert client.call(name="Ada") in (None, pytest.approx(float("nan"), nan_ok=True))
            return
        with pytest.raises(AnswerDecodeError, match="the answer is no JSON"):
            client.call(name="Ada")


def test_connections_are_kept(connect: Connect) -> None:
    """Calls one after the other go over one connection; one that the server has ended is replaced, not reported."""
    with scripted(*[reply(b"1")] * 3) as server:
        client = connect(server.url)
        assert [client.call(name="Ada") for _ in range(3)] == [1, 1, 1]
        assert server.connections == 1
    with scripted(say(reply(b"1")), reply(b"2"), contract=False) as server:
        client = connect(server.url)
        assert client.post(json=1).value == 1
        time.sleep(0.1)  # the end of the connection arrives
        assert client.post(json=1).value == 2
        assert server.connections == 2


def test_an_early_refusal_of_a_large_body_is_read(connect: Connect) -> None:
    """A server that answers before it has read the body is heard."""

    def refuse(client: socket.socket) -> None:
        client.sendall(reply(b'{"title": "too large"}', "413 x", "application/problem+json", connection="close"))
        while client.recv(65536):
            pass

    with scripted(refuse, contract=False) as server, pytest.raises(ClientError, match="413 too large"):
        connect(server.url).post(body=b"x" * 3_000_000)


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment(connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Requests go to it in absolute form, with its password; `no_proxy` names hosts that need none."""
    for other in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(other, raising=False)
    with scripted(reply(b"1"), contract=False) as proxy, scripted(reply(b"2"), contract=False) as server:
        monkeypatch.setenv(name, proxy.url.replace("//", "//user:pass@"))
        assert connect("http://service.invalid/team").post(json=1).value == 1
        assert proxy.requests[0].startswith(b"POST http://service.invalid/team HTTP/1.1\r\n")
        assert b"proxy-authorization: basic dXNlcjpwYXNz" in proxy.requests[0].replace(b"Basic", b"basic").replace(
            b"Proxy-Authorization", b"proxy-authorization"
        )
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert connect(server.url).post(json=1).value == 2


def test_a_contract_is_read_once(connect: Connect) -> None:
    """Also by copies with other options."""
    with scripted(*[reply(b"1")] * 2) as server:
        client = connect(server.url)
        client.call(name="Ada")
        client.with_options(timeout=3).call(name="Ada")
        assert len(server.requests) - len(server.calls) == 1

"""Answers of applications that break the rules of HTTP, and of clients that send no more."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.raw import Raw, request, run_service
from tests.service import Service, wait_until

Serve = Callable[..., Service]
APPLICATION = """
DATE = b"Thu, 01 Jan 1970 00:00:00 GMT"
ANSWERS = {
    "/205": (205, [(b"content-type", b"text/plain"), (b"content-length", b"4")], b"body"),
    "/205/plain": (205, [], b""),
    "/204": (204, [(b"content-length", b"4")], b"body"),
    "/304": (304, [(b"content-length", b"4"), (b"etag", b'"a"')], b"body"),
    "/date": (200, [(b"Date", DATE), (b"Server", b"mine"), (b"content-length", b"4")], b"body"),
    "/coding": (200, [(b"transfer-encoding", b"gzip"), (b"content-length", b"4")], b"body"),
    "/chunked": (200, [(b"transfer-encoding", b"chunked")], b"body"),
    "/lengths": (200, [(b"content-length", b"4"), (b"content-length", b"4")], b"body"),
    "/differ": (200, [(b"content-length", b"4"), (b"content-length", b"5")], b"body"),
    "/short": (200, [(b"content-length", b"9")], b"body"),
    "/close": (200, [(b"Connection", b"Close"), (b"content-length", b"4")], b"body"),
    "/keep": (200, [(b"connection", b"keep-alive"), (b"keep-alive", b"timeout=5"), (b"content-length", b"4")], b"body"),
}

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    status, headers, body = ANSWERS[scope["path"]]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body[:2], "more_body": True})
    await send({"type": "http.response.body", "body": body[2:]})

handler = application
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    path = tmp_path_factory.mktemp("application") / "main.py"
    path.write_text(APPLICATION)
    with run_service(tmp_path_factory, f"{path}:handler") as server:
        yield server


def get(path: str, version: str = "1.1", **headers: str) -> bytes:
    data = request(b"", path, "GET", **headers)
    return data.replace(b"HTTP/1.1", b"HTTP/" + version.encode(), 1)


def head(client: Raw) -> list[bytes]:
    """The lines of a head, as they are."""
    lines = []
    while line := client.file.readline().strip():
        lines.append(line.lower())
    return lines


@pytest.mark.parametrize(("path", "length"), [
    ("/205", b"content-length: 0"), ("/205/plain", b"content-length: 0"), ("/204", None),
    ("/304", b"content-length: 4"),
])  # fmt: skip
def test_status_without_content(service: Service, path: str, length: bytes | None) -> None:
    """204, 205 and 304 have no content, whatever the application sends, and the connection stays open."""
    with Raw(service) as client:
        client.send(get(path) + get("/chunked"))
        lines = head(client)
        assert lines[0].split()[1] == path[1:4].encode()
        assert [line for line in lines if line.startswith((b"content-length", b"transfer"))] == (
            [length] if length else []
        )
        assert head(client)[0] == b"http/1.1 200 ok"


def test_date_of_the_application(service: Service) -> None:
    """An application's `Date` takes the place of the server's; its `Server` is the only one."""
    with Raw(service) as client:
        client.send(get("/date"))
        lines = head(client)
        assert [line for line in lines if line.startswith(b"date")] == [b"date: thu, 01 jan 1970 00:00:00 gmt"]
        assert [line for line in lines if line.startswith(b"server")] == [b"server: mine"]
        assert client.file.read(4) == b"body"
        client.send(get("/close"))  # the next answer has the server's again
        assert [line for line in head(client) if line.startswith(b"date")] != [b"date: thu, 01 jan 1970 00:00:00 gmt"]


@pytest.mark.parametrize(("path", "framing"), [
    ("/coding", [b"content-length: 4"]), ("/lengths", [b"content-length: 4"]),
    ("/chunked", [b"transfer-encoding: chunked"]),
])  # fmt: skip
def test_framing(service: Service, path: str, framing: list[bytes]) -> None:
    """An answer has one correct header of its body's length."""
    with Raw(service) as client:
        client.send(get(path))
        assert [line for line in head(client) if line.startswith((b"content-length", b"transfer"))] == framing
        client.send(get(path))
        body = b"body" if path != "/chunked" else b"2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"
        assert client.file.read(len(body)) == body
        assert head(client)[0] == b"http/1.1 200 ok"


def test_lengths_that_differ(service: Service) -> None:
    """An application that announces two lengths gets a 500."""
    with Raw(service) as client:
        client.send(get("/differ"))
        assert client.answer().status == 500


def test_body_that_is_too_short(service: Service) -> None:
    """An answer that ends before the length that it announced is cut, and the connection with it."""
    with Raw(service) as client:
        client.send(get("/short"))
        answer = client.answer()
        assert (answer.body, answer.is_complete) == (b"body", False)


@pytest.mark.parametrize(("version", "path"), [("1.0", "/keep"), ("1.1", "/close"), ("1.0", "/close")])
def test_connection_is_said_once(service: Service, version: str, path: str) -> None:
    """The answer has one Connection header, whatever the application sends."""
    with Raw(service) as client:
        client.send(get(path, version))
        assert [line for line in head(client) if line.startswith(b"connection")] == [b"connection: close"]
        assert client.file.read() == b"body"


def test_connection_that_goes_on(service: Service) -> None:
    """`Connection: keep-alive` of an application needs no mention."""
    with Raw(service) as client:
        client.send(get("/keep") + get("/keep"))
        for _ in range(2):
            assert not [line for line in head(client) if line.startswith(b"connection")]
            assert client.file.read(4) == b"body"


def test_expectation_that_was_not_met(service: Service) -> None:
    """A final answer to a client that waits for `100 Continue` ends the connection: its body may come, or not."""
    with Raw(service) as client:
        client.send(b"POST /chunked HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        assert (client.answer().headers["connection"], client.ended()) == ("close", True)


RESULTS = """
import datetime

def handler(event):
    if event.path == "/205":
        return 205, {"a": 1}
    return "text", 200, {"Date": "Thu, 01 Jan 1970 00:00:00 GMT", "Server": "mine", "Content-Length": "99"}
"""


def test_headers_of_a_function(serve: Serve) -> None:
    """A function's `Date` and `Server` replace ours; its `Content-Length` is ignored; its 205 is empty."""
    with Raw(serve(RESULTS)) as client:
        client.send(get("/a") + get("/205") + get("/a"))
        lines = head(client)
        assert [line for line in lines if line.startswith((b"date", b"server:", b"content-length"))] == [
            b"date: thu, 01 jan 1970 00:00:00 gmt", b"server: mine", b"content-length: 4",
        ]  # fmt: skip
        assert client.file.read(4) == b"text"
        lines = head(client)
        assert lines[0].split()[1] == b"205"
        assert b"content-length: 0" in lines
        assert head(client)[0] == b"http/1.1 200 ok"


STREAMS = """
import asyncio
from pathlib import Path

async def handler(event):
    try:
        for number in range(30):
            yield f"{number}\\n"
            await asyncio.sleep(0.1 if event.path == "/fast" else 20)
    finally:
        Path("ended.txt").write_text("ended")
"""


@pytest.mark.slow
def test_stream_to_a_client_that_sends_no_more(serve: Serve) -> None:
    """A client that shut down its writing side receives the whole stream."""
    service = serve(STREAMS)
    with Raw(service) as client:
        client.send(get("/fast"))
        client.sock.shutdown(socket.SHUT_WR)
        answer = client.answer()
        assert (answer.body, answer.is_complete) == ("".join(f"{number}\n" for number in range(30)).encode(), True)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/fast", "/slow"])
def test_stream_of_a_client_that_left(serve: Serve, tmp_path: Path, path: str) -> None:
    """A stream of a client that left is closed soon, also when it has nothing to say for a long time."""
    service = serve(STREAMS)
    with Raw(service) as client:
        client.send(get(path))
        assert client.file.readline().startswith(b"HTTP/1.1 200")
    began = time.monotonic()
    wait_until((tmp_path / "ended.txt").exists, lambda: "it was not closed")
    assert time.monotonic() - began < 10


WAITING = """
import time

def handler(seconds: float = 0.0):
    time.sleep(seconds)
    return "done"
"""


@pytest.mark.slow
def test_call_of_a_client_that_sends_no_more(serve: Serve) -> None:
    """A client that sends no more is taken for one that left when it has waited a second for the answer to begin; the
    connection ends."""
    with Raw(serve(WAITING)) as client:
        client.send(get("/?seconds=0.5"))
        client.sock.shutdown(socket.SHUT_WR)
        assert client.answer().body == b"done"
        assert client.ended()
    with Raw(serve(WAITING)) as client:
        client.send(get("/?seconds=6"))
        client.sock.shutdown(socket.SHUT_WR)
        began = time.monotonic()
        assert client.ended()
        assert time.monotonic() - began < 5

"""The wire: requests that are malformed, slow, too large, or sent all at once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from tests.raw import Raw, request, run_service
from tests.service import Service, wait_until

FLAGS = ("--max-body", "100kB", "--max-header", "8KiB", "--read-timeout", "1s", "--log-format", "json")


@pytest.fixture(scope="module", params=["handler", "later"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, f"slots/main.py:{request.param}", *FLAGS) as server:
        yield server


def works(service: Service) -> bool:
    return service.call({"name": "a"}).text == "a"


def test_body_over_the_limit(service: Service) -> None:
    """A body whose length is announced over the limit is a 413 that tells the limit."""
    answer = service.post(content=b"x" * 100_001, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["limit"], answer.headers["connection"]) == (413, 100_000, "close")
    assert works(service)


def test_body_at_the_limit(service: Service) -> None:
    """A body of exactly the limit is accepted."""
    body = b'{"name": "a"' + b" " * (100_000 - 13) + b"}"
    assert len(body) == 100_000
    assert service.post(content=body, headers={"content-type": "application/json"}).text == "a"


@pytest.mark.parametrize("chunked", [True, False])
def test_client_that_keeps_sending(service: Service, chunked: bool) -> None:
    """A client that sends far more than the limit, without looking, still sees the 413 and not a reset."""
    with Raw(service) as client:
        framing = "transfer-encoding: chunked" if chunked else "content-length: 3276800"
        client.send(f"POST / HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\n{framing}\r\n\r\n".encode())
        for _ in range(50):
            client.send(b"10000\r\n" + b"x" * 65536 + b"\r\n" if chunked else b"x" * 65536)
        if chunked:
            client.send(b"0\r\n\r\n")
        assert client.answer().status == 413
        assert client.ended()
    assert works(service)


@pytest.mark.slow
def test_slow_body(service: Service) -> None:
    """A body that does not arrive within the read limit is a 408, and the connection is closed."""
    with Raw(service) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{")
        began = time.monotonic()
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert 0.5 < time.monotonic() - began < 10
    assert works(service)


@pytest.mark.slow
def test_dripped_body(service: Service) -> None:
    """A body that drips is held to the limit as a whole, not by each drop."""
    with Raw(service) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: t\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n")
        began = time.monotonic()
        while time.monotonic() - began < 1.5:
            client.send(b" ")
            time.sleep(0.1)
        assert client.answer().status == 408


def test_client_that_leaves_in_its_body(service: Service) -> None:
    """A client that leaves half way through its body costs nothing but a line in the log."""
    with Raw(service) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: t\r\nx-request-id: half\r\ncontent-length: 50\r\n\r\n{")
    service.wait_log('"request_id":"half"')
    (record,) = [record for record in service.records if record.get("request_id") == "half"]
    assert record["status"] == 499


@pytest.mark.slow
def test_pipelined_calls(service: Service) -> None:
    """Calls that are sent at once on one connection are answered in their order, though the first is the slowest."""
    with Raw(service) as client:
        bodies = [b'{"name": "%d", "seconds": %s}' % (number, b"0.3" if number == 0 else b"0") for number in range(20)]
        client.send(b"".join(request(body) for body in bodies))
        assert [client.answer().body for _ in range(20)] == [b"%d" % number for number in range(20)]


def test_pipelined_refusals(service: Service) -> None:
    """A call that is refused does not disturb the one behind it."""
    with Raw(service) as client:
        client.send(request(b"{") + request(b'{"name": "a"}') + request(b"{}") + request(b'{"name": "b"}'))
        answers = [client.answer() for _ in range(4)]
    assert [answer.status for answer in answers] == [400, 200, 422, 200]
    assert answers[3].body == b"b"


def test_large_header(service: Service) -> None:
    """Headers over the limit, in one piece, are a 431 problem document."""
    with Raw(service) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: t\r\nx-big: " + b"x" * 9000 + b"\r\n\r\n")
        answer = client.answer()
        assert (answer.status, json.loads(answer.body)["status"]) == (431, 431)
        assert client.ended()
    assert works(service)


def test_long_request_line(service: Service) -> None:
    """The request line counts too."""
    with Raw(service) as client:
        client.send(b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nhost: t\r\n\r\n")
        assert client.answer().status == 431


def test_dripped_header(service: Service) -> None:
    """Headers over the limit, in many small pieces, are a 431 too."""
    with Raw(service) as client:
        client.send(b"POST / HTTP/1.1\r\nhost: t\r\n")
        for number in range(100):
            try:
                client.send(b"x-%d: %s\r\n" % (number, b"x" * 100))
            except OSError:
                break
            time.sleep(0.001)
        assert client.answer().status == 431


def test_header_at_the_limit(service: Service) -> None:
    """Headers just below their limit are accepted before a body that is larger than that limit."""
    body = b'{"name": "a"' + b" " * 20_000 + b"}"
    with Raw(service) as client:
        client.post(body, x_big="x" * 7900)
        assert client.answer().status == 200


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_end_of_headers_in_two_pieces(service: Service, cut: int) -> None:
    """The end of the headers is found where it is cut in two, and a large body comes with its second half."""
    content = request(b'{"name": "a"' + b" " * 20_000 + b"}")
    end = content.index(b"\r\n\r\n") + cut
    with Raw(service) as client:
        client.send(content[:end])
        time.sleep(0.1)
        client.send(content[end:])
        assert client.answer().status == 200


@pytest.mark.slow
def test_slow_header(service: Service) -> None:
    """A connection whose headers do not come within the read limit is closed, however it drips."""
    with Raw(service) as client:
        client.send(b"POST / HTTP/1.1\r\n")
        began = time.monotonic()

        def dripped() -> bool:
            try:
                client.send(b"x: y\r\n")
            except OSError:
                return True
            time.sleep(0.1)
            return time.monotonic() - began > 15

        wait_until(dripped, lambda: "it is still open")
        assert time.monotonic() - began < 15


@pytest.mark.slow
def test_silent_connection(service: Service) -> None:
    """A connection that sends nothing at all is closed too."""
    with Raw(service) as client:
        assert client.ended()


@pytest.mark.slow
def test_connection_between_calls(service: Service) -> None:
    """A connection that rests between two calls is not a slow one."""
    with Raw(service) as client:
        client.post(b'{"name": "a"}')
        assert client.answer().status == 200
        time.sleep(2.5)
        client.post(b'{"name": "b"}')
        assert client.answer().body == b"b"


@pytest.mark.slow
def test_slow_handler_is_no_slow_header(service: Service) -> None:
    """The read limit is for the client: a handler may take longer."""
    with Raw(service) as client:
        client.post(b'{"name": "a", "seconds": 2.2}')
        assert client.answer().status == 200


@pytest.mark.parametrize("data", [
    b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\nbad header\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
])  # fmt: skip
def test_no_http(service: Service, data: bytes) -> None:
    """Bytes that are no HTTP get a 400 or a closed connection; the server continues."""
    with Raw(service) as client:
        client.send(data)
        line = client.file.readline()
        assert line == b"" or b" 400 " in line
    assert works(service)


def test_http_1_0(service: Service) -> None:
    """A client of HTTP/1.0 gets its answer and the end of the connection."""
    with Raw(service) as client:
        client.send(b"GET /?name=a HTTP/1.0\r\n\r\n")
        answer = client.answer()
        assert (answer.status, answer.body) == (200, b"a")
        assert client.ended()


def test_connection_close(service: Service) -> None:
    """A client that asks for it gets the connection closed after its answer."""
    with Raw(service) as client:
        client.post(b'{"name": "a"}', connection="close")
        answer = client.answer()
        assert (answer.body, answer.headers["connection"]) == (b"a", "close")
        assert client.ended()


def test_websocket_for_a_function(service: Service) -> None:
    """A function speaks no WebSocket: the request is answered as the call that it is."""
    with Raw(service) as client:
        client.send(
            b"GET /?name=a HTTP/1.1\r\nhost: t\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n"
        )
        assert client.answer().body == b"a"
    assert works(service)

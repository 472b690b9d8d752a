"""Clients that do not take their answers: they are cut off, whatever the answer is made of, and slow ones are not."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from tests.service import Service, wait_until

Serve = Callable[..., Service]
SIZE = 30_000_000  # of an answer: more than the kernel's buffers hold
FLAGS = ("--concurrency", "8", "--drain-delay", "0", "--grace", "1s")
HANDLERS = {
    "whole": f"def handler():\n    return bytes({SIZE})\n",
    "loop": f"async def handler():\n    return bytes({SIZE})\n",
    "generator": f"def handler():\n    for _ in range(30):\n        yield bytes({SIZE // 30})\n",
    "async generator": f"async def handler():\n    for _ in range(30):\n        yield bytes({SIZE // 30})\n",
    "small parts": f"async def handler():\n    for _ in range(3000):\n        yield bytes({SIZE // 3000})\n",
    "file": f"""
import pathlib, tempfile

def init(context):
    context.path = pathlib.Path(tempfile.mkdtemp(), "large")
    context.path.write_bytes(bytes({SIZE}))

def handler(context):
    return context.path
""",
    "asgi": f"""
async def handler(scope, receive, send):
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    for _ in range(30):
        await send({{"type": "http.response.body", "body": bytes({SIZE // 30}), "more_body": True}})
    await send({{"type": "http.response.body", "body": b""}})
""",
    "wsgi": f"""
def handler(environ, start_response):
    start_response("200 OK", [("content-length", "{SIZE}")])
    return (bytes({SIZE // 30}) for _ in range(30))
""",
}


class Slow:
    """A client that sends a request and reads as much of the answer as the test says."""

    def __init__(self, service: Service, requests: int = 1) -> None:
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        self.sock.settimeout(30)
        address = urlsplit(service.url)
        self.sock.connect((address.hostname, address.port))
        self.sock.sendall(b"GET / HTTP/1.1\r\nhost: t\r\n\r\n" * requests)

    def take(self, size: int = 1 << 30) -> int:
        """Take that many bytes, or all there are; how many came."""
        count = 0
        while count < size:
            try:
                part = self.sock.recv(min(65_536, size - count))
            except ConnectionResetError:
                return count
            if not part:
                return count
            count += len(part)
        return count


Connect = Callable[..., Slow]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Slow clients, which leave afterwards."""
    clients: list[Slow] = []

    def start(service: Service, requests: int = 1) -> Slow:
        clients.append(Slow(service, requests))
        return clients[-1]

    yield start
    for client in clients:
        client.sock.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", HANDLERS)
def test_a_client_that_never_reads_is_cut_off(serve: Serve, connect: Connect, kind: str) -> None:
    """Its answer is pending in the metrics, and gone after `--write-timeout`; no slot is held any more."""
    service = serve(HANDLERS[kind], *FLAGS, "--write-timeout", "1500ms")
    clients = [connect(service) for _ in range(3)]
    wait_until(lambda: service.metrics()["ovenbird_pending_output_bytes"] > 0, lambda: "nothing is pending")
    wait_until(lambda: service.metrics()["ovenbird_clients_cut_off_total"] == 3, lambda: service.log)
    assert service.metrics()["ovenbird_pending_output_bytes"] == 0
    wait_until(lambda: service.metrics()["ovenbird_in_flight"] == 0, lambda: "a call is still in flight")
    assert all(client.take() < SIZE for client in clients)
    assert (
        "3 clients took nothing of their answers for 1.5 seconds" in service.log or service.log.count("took noth") > 1
    )


@pytest.mark.slow
def test_a_client_that_sends_on_and_never_reads(serve: Serve, connect: Connect) -> None:
    """Requests behind the unread answer end with it."""
    service = serve(HANDLERS["whole"], *FLAGS, "--write-timeout", "1s")
    client = connect(service, requests=5)
    wait_until(lambda: service.metrics()["ovenbird_clients_cut_off_total"] == 1, lambda: service.log)
    wait_until(lambda: service.metrics()["ovenbird_in_flight"] == 0, lambda: "a call is still in flight")
    assert client.take() < 2 * SIZE


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["whole", "small parts", "wsgi"])
def test_a_slow_client_is_served_to_the_end(serve: Serve, connect: Connect, kind: str) -> None:
    """A client that reads slowly gets its whole answer, although that takes several times `--write-timeout`."""
    service = serve(HANDLERS[kind], *FLAGS, "--write-timeout", "2s")
    client, count = connect(service), 0
    end = time.monotonic() + 8
    while time.monotonic() < end:
        count += client.take(65_536)
        time.sleep(0.2)
    client.sock.shutdown(socket.SHUT_WR)
    assert count + client.take() > SIZE
    assert service.metrics()["ovenbird_clients_cut_off_total"] == 0


@pytest.mark.slow
def test_what_is_pending_has_a_limit(serve: Serve, connect: Connect) -> None:
    """Over `--max-pending-output` calls are answered 503, until the clients that take least are cut off; one that
    takes its answer in good time keeps it, and probes are answered."""
    service = serve(HANDLERS["whole"], *FLAGS, "--write-timeout", "0", "--max-pending-output", "60MB")
    good, count = connect(service), 0
    clients = [connect(service) for _ in range(4)]
    wait_until(lambda: service.metrics()["ovenbird_pending_output_bytes"] > 60_000_000, lambda: "nothing is pending")
    refused = service.get()
    assert (refused.status_code, refused.json()["detail"]) == (503, "too many answers wait for slow clients")
    assert refused.headers["retry-after"]
    assert service.get("/_/ready").status_code == 200
    end = time.monotonic() + 30
    while service.metrics()["ovenbird_clients_cut_off_total"] == 0 and time.monotonic() < end:
        count += good.take(200_000)
        time.sleep(0.1)
    wait_until(
        lambda: service.metrics()["ovenbird_pending_output_bytes"] <= 60_000_000, lambda: "too much is still pending"
    )
    assert "took less than 1024 bytes a second" in service.log
    assert len(service.get().content) == SIZE
    assert count + good.take(SIZE - count) == SIZE
    assert any(client.take(SIZE) < SIZE for client in clients)

"""The drain as clients see it: its delay, the grace of calls in flight, connections."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.loss import Load, Tally, wait_total
from tests.service import Service, wait_until

Serve = Callable[..., Service]
GOOD = "async def handler():\n    return 1\n"
WAITS = """
import asyncio, os, time
async def handler(n: float = 0):
    open(f"begun-{n}", "w").close()
    await asyncio.sleep(n)
    return n
"""
WAITS_SYNC = WAITS.replace("async def", "def").replace("await asyncio", "time")


@pytest.mark.slow
def test_a_drain_serves_on_for_its_delay(serve: Serve) -> None:
    """/_/ready turns 503 at once and says why, the process stays live, and calls on old and new connections are served
    with `connection: close`."""
    service = serve(GOOD, "--drain-delay", "2s")
    with httpx.Client(base_url=service.url, verify=False) as client:
        assert "connection" not in client.post("/", json={}).headers
        service.send()
        wait_until(lambda: service.get("/_/ready").status_code == 503, lambda: service.log, service)
        ready = service.get("/_/ready").json()
        assert ready == {"status": "draining", "reason": "the server is shutting down"}
        assert service.get("/_/live").status_code == 200
        for answer in (client.post("/", json={}), service.call({})):
            assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    assert service.wait() == 0


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "source"), [("1", WAITS), ("1", WAITS_SYNC), ("2", WAITS_SYNC)])
def test_calls_in_flight_finish_within_the_grace(serve: Serve, tmp_path: Path, source: str, workers: str) -> None:
    """A call that ends within the limit is answered; one that does not is stopped and answered 503 with Retry-After."""
    service = serve(source, "--drain-delay", "0", "--grace", "2s", "--workers", workers)
    service.wait_log("2 workers are ready" if workers == "2" else "is served at")
    with ThreadPoolExecutor() as pool:
        short, long = (pool.submit(service.call, {"n": n}) for n in (1.0, 40.0))
        wait_until(lambda: len(list(tmp_path.glob("begun-*"))) == 2, lambda: service.log)
        service.send()
        assert (short.result().status_code, short.result().text) == (200, "1.0")
        assert long.result().status_code == 503
        assert long.result().headers["retry-after"] == "1"
        assert long.result().json()["may_have_run"] is True
    assert service.wait() == 0
    assert "did not finish within the grace limit" in service.log


@pytest.mark.slow
def test_a_second_sigterm_shortens_the_delay_and_loses_nothing(serve: Serve, tmp_path: Path) -> None:
    """The drain delay is cut short; a call in flight is still answered."""
    service = serve(WAITS, "--drain-delay", "60s")
    with ThreadPoolExecutor() as pool:
        call = pool.submit(service.call, {"n": 1.0})
        wait_until((tmp_path / "begun-1.0").exists, lambda: service.log)
        service.send()
        service.wait_log("draining")
        service.send()
        assert call.result().text == "1.0"
    assert service.wait() == 0


@pytest.mark.slow
def test_a_second_sigint_stops_calls_in_flight(serve: Serve, tmp_path: Path) -> None:
    """The first one waits for calls without a delay; the second one stops them, each with an answer."""
    service = serve(WAITS, "--drain-delay", "60s", "--grace", "60s")
    with ThreadPoolExecutor() as pool:
        call = pool.submit(service.call, {"n": 50.0})
        wait_until((tmp_path / "begun-50.0").exists, lambda: service.log)
        service.send(signal.SIGINT)
        service.wait_log("draining")
        time.sleep(0.3)
        assert not call.done()
        service.send(signal.SIGINT)
        assert call.result().status_code == 503
    assert service.wait() == 0


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "source"), [("1", GOOD), ("2", GOOD), ("2", "def handler():\n    return 1\n")])
def test_sigterm_under_load_loses_no_call(serve: Serve, workers: str, source: str) -> None:
    """10,000 calls over keep-alive connections, SIGTERM amid them: each that was accepted is answered 200."""
    service = serve(source, "--workers", workers, "--drain-delay", "300ms", "--access-log", "off")
    service.wait_log("2 workers are ready" if workers == "2" else "is served at")

    async def run() -> Tally:
        load = Load(service.url, 32)
        task = asyncio.create_task(load.run())
        await wait_total(load, 10_000)
        service.send()
        return await task

    tally = asyncio.run(run())
    assert service.wait() == 0
    assert tally.lost == []
    assert set(tally.answered) == {200}
    assert tally.total >= 10_000
    assert tally.refused == 32
    assert tally.closes > 0


@pytest.mark.slow
def test_a_connection_whose_request_comes_late_is_served(serve: Serve) -> None:
    """A connection accepted just before the port closed is served, although its request comes after."""
    service = serve(GOOD, "--drain-delay", "300ms")
    host, port = service.url[7:].split(":")
    service.send()
    service.wait_log("draining")
    with socket.create_connection((host, int(port))) as sock:
        wait_until(lambda: _is_closed(host, int(port)), lambda: "the port stays open")
        sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 200")
    assert service.wait() == 0


def _is_closed(host: str, port: int) -> bool:
    """Return whether the port is closed, from the kernel's table, without opening a connection."""
    address = f"0100007F:{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return not any(line.split()[1] == address and line.split()[3] == "0A" for line in lines)


@pytest.mark.slow
def test_a_slow_client_gets_the_whole_answer(serve: Serve) -> None:
    """An answer that the client had not yet read when SIGTERM came is delivered before the process ends."""
    size = 20_000_000
    service = serve(f"async def handler():\n    return b'x' * {size}\n", "--drain-delay", "0")
    host, port = service.url[7:].split(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        received = len(sock.recv(65536))
        service.send()
        service.wait_log("draining")
        time.sleep(0.5)
        while data := sock.recv(1_000_000):
            received += len(data)
    assert received > size
    assert service.wait() == 0


def test_an_idle_connection_does_not_hold_up_the_end(serve: Serve) -> None:
    """Connections that wait for no answer are closed."""
    service = serve(GOOD, "--drain-delay", "0", "--grace", "60s")
    with httpx.Client(verify=False) as client:
        assert client.post(service.url, json={}).status_code == 200
        assert service.stop() == 0

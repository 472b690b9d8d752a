"""Several workers on one port: they share connections evenly, and a signal to one worker does not touch the others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
import threading
import time
from collections import Counter
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.raw import Raw, request
from tests.service import Service, _children, wait_until

from ovenbird.serve.observability.metrics import SharedMetrics
from ovenbird.serve.server.accept_turns import AcceptTurns
from ovenbird.serve.server.listener import allow_new, refuse_new

SOURCE = "import os\nasync def handler():\n    return os.getpid()\n"


def workers_of(service: Service) -> list[int]:
    return [pid for pid in _children(service.process.pid) if _has_event_loop(pid)]


def _has_event_loop(pid: int) -> bool:
    """Return whether a process is a worker: the template has no event loop."""
    try:
        return any(str(link.readlink()) == "anon_inode:[eventpoll]" for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


class _Connection(asyncio.Protocol):
    def __init__(self, connections: list[asyncio.BaseTransport]) -> None:
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.append(transport)


async def _share(workers: int, clients: int, initialising: tuple[int, ...] = ()) -> list[int]:
    """Count each worker's connections in one shared loop, so that the machine cannot delay a worker's turn."""
    blocks = SharedMetrics(workers).blocks
    for number in initialising:
        blocks[number].set_initialising(is_initialising=True)
    connections: list[list[asyncio.BaseTransport]] = [[] for _ in blocks]
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(socket.socket())
        port.bind(("127.0.0.1", 0))
        port.setblocking(False)
        for block, own in zip(blocks, connections, strict=True):
            sock = stack.enter_context(port.dup())
            turns = AcceptTurns(sock, 100, partial(_Connection, own), partial(len, own), block, blocks)
            stack.callback(turns.close)
            turns.start()
        for _ in range(clients):
            stack.enter_context(socket.create_connection(port.getsockname()))
            await asyncio.sleep(0)
        while sum(map(len, connections)) < clients:  # noqa: ASYNC110 (a protocol that is made tells nobody)
            await asyncio.sleep(0.001)
        for transport in chain.from_iterable(connections):
            transport.close()
        await asyncio.sleep(0)
    return [len(own) for own in connections]


@pytest.mark.parametrize(("workers", "clients"), [(2, 32), (4, 32), (3, 10)])
def test_connections_are_shared_evenly(workers: int, clients: int) -> None:
    """No worker has two connections more than another, however the kernel wakes them."""
    counts = asyncio.run(asyncio.wait_for(_share(workers, clients), 60))
    assert sum(counts) == clients
    assert max(counts) - min(counts) <= 2, counts


@pytest.mark.parametrize("initialising", [(0,), (2,), (0, 1)], ids=str)
def test_a_worker_that_initialises_leaves_connections_to_those_that_serve(initialising: tuple[int, ...]) -> None:
    counts = asyncio.run(asyncio.wait_for(_share(3, 12, initialising), 60))
    assert sum(counts) == 12
    assert [counts[number] for number in initialising] == [0] * len(initialising)


def test_workers_that_all_initialise_accept_connections() -> None:
    """Probes and calls learn of them that the service is not ready."""
    counts = asyncio.run(asyncio.wait_for(_share(3, 12, (0, 1, 2)), 60))
    assert sum(counts) == 12


@pytest.mark.slow
@pytest.mark.parametrize("preload", ["off", "import"])
def test_calls_are_answered_as_soon_as_one_worker_is_ready(serve: Any, preload: str, tmp_path: Path) -> None:
    """A worker whose init goes on refuses none of them."""
    source = """
import os, time

def init(context):
    try:
        os.mkdir("first")
    except FileExistsError:
        while not os.path.exists("go"):
            time.sleep(0.01)

async def handler():
    return os.getpid()
"""
    service = serve(source, "--workers", "3", "--preload", preload, "--drain-delay", "0", ready=False)
    url = service.wait_open()
    wait_until(lambda: httpx.post(url, json={}, timeout=30, verify=False).status_code == 200, lambda: service.log)
    answers = [httpx.post(url, json={}, timeout=30, verify=False) for _ in range(40)]  # each on a connection of its own
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    (tmp_path / "go").touch()
    service.wait_log("3 workers are ready")
    assert service.stop() == 0


@pytest.mark.parametrize(("workers", "clients"), [(2, 32), (4, 32), (3, 10)])
def test_keep_alive_clients_are_shared_evenly(serve: Any, workers: int, clients: int) -> None:
    """Worker processes share evenly too; a worker that the machine delays leaves its turn to another."""
    for _ in range(8):
        service = serve(SOURCE, "--workers", str(workers), "--drain-delay", "0")
        service.wait_log(f"{workers} workers are ready")
        connections = [Raw(service) for _ in range(clients)]
        pids: list[bytes] = []
        for client in connections:
            client.send(request(b""))
            pids.append(client.answer().body)
        counts = Counter(pids)
        for client in connections:
            client.close()
        assert service.stop() == 0
        if len(counts) == workers and max(counts.values()) - min(counts.values()) <= 2:
            return
    raise AssertionError(counts)


@pytest.mark.slow
def test_a_busy_worker_does_not_hold_up_connections(serve: Any) -> None:
    """Connections assigned to a worker with a blocked loop are accepted by another worker."""
    source = "import os, time\nasync def handler(wait: float = 0):\n    time.sleep(wait)\n    return os.getpid()\n"
    service = serve(source, "--workers", "2", "--drain-delay", "0", "--timeout", "30")
    service.wait_log("2 workers are ready")
    with Raw(service) as blocking, Raw(service) as other:
        other.send(request(b"{}"))
        other.answer()
        blocking.send(request(b'{"wait": 10}'))
        time.sleep(0.5)  # until its worker is in it
        pids = {service.call({}, headers={"connection": "close"}).json() for _ in range(5)}
        assert len(pids) == 1
        assert blocking.answer().status == 200


@pytest.mark.slow
def test_exhausted_descriptors_are_logged_once(serve: Any) -> None:
    """Each period without descriptors has one log line per worker; afterwards the waiting connection is served."""
    service = serve(SOURCE, "--workers", "2", "--drain-delay", "0")
    service.wait_log("2 workers are ready")
    workers = workers_of(service)
    for spell in (1, 2):
        limits = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in workers}
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[pid][1]))
        with Raw(service) as client:
            client.send(request(b"{}"))
            wait_until(
                lambda lines=2 * spell: service.log.count("no connection can be accepted") >= lines, lambda: service.log
            )
            time.sleep(1)
            assert service.log.count("no connection can be accepted") == 2 * spell, service.log
            for pid in workers:
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limits[pid])
            assert client.answer().status == 200
        time.sleep(1)  # the other worker has tried again as well
    assert service.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
@pytest.mark.parametrize("flags", [("--workers", "2"), ("--workers", "1", "--max-requests", "100000")])
def test_a_signal_to_one_worker_is_its_own_affair(serve: Any, number: int, flags: tuple[str, ...]) -> None:
    """That worker is replaced, every later connection is served, and the service ends with its usual status."""
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell has what runs in its background ignore it
    service = serve(SOURCE, *flags, "--drain-delay", "0")
    wait_until(lambda: len(workers_of(service)) == int(flags[1]), lambda: "workers")
    before = workers_of(service)
    for _ in range(3):
        service.call()
    os.kill(before[0], number)
    wait_until(lambda: before[0] not in workers_of(service), lambda: f"the worker lives on:\n{service.log}")
    wait_until(lambda: len(workers_of(service)) == int(flags[1]), lambda: f"no successor:\n{service.log}")
    wait_until(lambda: service.get("/_/ready").status_code == 200, lambda: service.log)
    for _ in range(20):
        assert service.post(headers={"connection": "close"}).status_code == 200
    assert before[0] not in {service.post(headers={"connection": "close"}).json() for _ in range(10)}
    assert service.stop() == 0


@pytest.mark.slow
def test_no_call_is_lost_when_a_worker_gets_a_signal(serve: Any) -> None:
    """Calls that come meanwhile, on old and new connections, are all answered."""
    service = serve(SOURCE, "--workers", "2", "--drain-delay", "0")
    service.wait_log("2 workers are ready")
    lost: list[str] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            try:
                assert httpx.post(service.url, timeout=20, verify=False).status_code == 200
            except (httpx.HTTPError, AssertionError) as error:
                lost.append(repr(error))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        first = workers_of(service)[0]
        os.kill(first, signal.SIGTERM)
        wait_until(lambda first=first: first not in workers_of(service), lambda: service.log)
    stop.set()
    for thread in threads:
        thread.join()
    assert lost == []
    assert service.stop() == 0


@pytest.mark.slow
def test_the_parent_lets_connections_in_again(serve: Any) -> None:
    """A worker that has closed the shared port to new connections, and is gone, has closed it for nobody else."""
    source = (
        "import asyncio, os, socket\nfrom ovenbird.serve.server.listener import refuse_new\n"
        "async def handler(close: bool = False):\n"
        "    if close:\n"
        "        for number in map(int, os.listdir('/proc/self/fd')):\n"
        "            try:\n"
        "                sock = socket.socket(fileno=os.dup(number))\n"
        "                listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)\n"
        "            except OSError:\n"
        "                continue\n"
        "            if listening:\n"
        "                await refuse_new(sock)\n"
        "        os._exit(1)\n"
        "    return 1\n"
    )
    service = serve(source, "--workers", "2", "--drain-delay", "0")
    service.wait_log("2 workers are ready")
    with Raw(service) as client:
        client.send(request(b'{"close": true}'))
        assert client.ended()
    wait_until(lambda: service.post(headers={"connection": "close"}).status_code == 200, lambda: service.log)


async def _connect_after_changes() -> list[bool]:
    results = []
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        port.listen()
        for change in (refuse_new, allow_new):
            result = change(port)
            if result is not None:
                await result
            with socket.socket() as client:
                client.setblocking(False)
                try:
                    await asyncio.wait_for(asyncio.get_running_loop().sock_connect(client, port.getsockname()), 0.5)
                    results.append(True)
                except asyncio.TimeoutError:
                    results.append(False)
    return results


@pytest.mark.slow
def test_refusing_and_allowing_connections() -> None:
    """The filter keeps connections out until it is removed."""
    assert asyncio.run(_connect_after_changes()) == [False, True]

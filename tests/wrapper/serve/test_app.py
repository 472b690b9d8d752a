"""Calls that have to be stopped: over their time limit, or left by their client, sync and async."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.raw import Raw, run_service
from tests.service import Service, wait_until

FLAGS = ("--timeout", "600ms", "--concurrency", "2", "--queue", "4", "--log-format", "json")


@pytest.fixture(scope="module")
def sync(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "faulty/main.py:handler", *FLAGS) as service:
        yield service


@pytest.fixture(scope="module")
def asynchronous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "faulty/main.py:later", *FLAGS) as service:
        yield service


def read_notes(service: Service) -> str:
    path = service.log_path.parent / "notes.txt"
    return path.read_text() if path.exists() else ""


@pytest.mark.slow
def test_sync_loop_is_stopped(sync: Service) -> None:
    """A sync handler that loops for ever is stopped: 504, it notes its own end, and its slot is free again."""
    for _ in range(3):  # more than there are slots
        assert sync.call({"name": "spin"}).status_code == 504
    wait_until(lambda: read_notes(sync).count("spin ended") == 3, lambda: f"noted: {read_notes(sync)!r}")
    assert sync.call({"name": "fine"}).text == "fine"


@pytest.mark.slow
def test_sync_handler_that_catches_everything(sync: Service) -> None:
    """A sync handler that swallows the exception is interrupted again until it ends."""
    assert sync.call({"name": "stubborn"}).status_code == 504
    wait_until(lambda: sync.metrics()["ovenbird_in_flight"] == 0, lambda: "it still runs")


@pytest.mark.slow
def test_sync_handler_that_hands_out_a_coroutine(sync: Service) -> None:
    """A plain function that returns a coroutine is stopped like any other."""
    before = read_notes(sync).count("wait ended")
    assert sync.call({"name": "coroutine"}).status_code == 504
    wait_until(lambda: read_notes(sync).count("wait ended") == before + 1, lambda: "the coroutine was not cancelled")
    wait_until(lambda: sync.metrics()["ovenbird_in_flight"] == 0, lambda: "the thread still waits for it")


@pytest.mark.slow
def test_sync_sleep(sync: Service) -> None:
    """A sleep in C cannot be stopped: the client gets its 504 in time, and other calls go on in the other slot."""
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(sync.call, {"name": "sleep"})
        time.sleep(0.1)
        assert sync.call({"name": "fine"}).text == "fine"
        assert slow.result().status_code == 504
    assert time.monotonic() - began < 3.5
    wait_until(lambda: sync.metrics()["ovenbird_in_flight"] == 0, lambda: "the slot did not come back")


@pytest.mark.slow
def test_stuck_slots(sync: Service) -> None:
    """When calls that cannot be stopped hold all slots, the process says that it is dead; and takes it back."""
    with ThreadPoolExecutor(2) as pool:
        assert [a.status_code for a in pool.map(lambda _: sync.call({"name": "sleep"}), range(2))] == [504, 504]
    wait_until(lambda: sync.get("/_/live").status_code == 503, lambda: "it says that it lives")
    assert sync.get("/_/live").json()["reason"] == "every slot is held by a call that cannot be stopped"
    assert sync.get("/_/ready").status_code == 503
    wait_until(lambda: sync.get("/_/live").status_code == 200, lambda: "it says that it is dead")
    assert sync.call({"name": "fine"}).text == "fine"


@pytest.mark.slow
def test_stuck_worker_is_replaced(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Under a supervisor a worker whose slots are all stuck is replaced, and calls are served again."""
    flags = (*FLAGS, "--workers", "2", "--grace", "1s", "--concurrency", "1", "--queue", "0")
    with run_service(tmp_path_factory, "faulty/main.py:handler", *flags) as service:
        starts = service.metrics()["ovenbird_worker_starts_total"]
        service.call({"name": "sleep"})
        service.wait_log("every slot is held by a call that cannot be stopped")
        wait_until(lambda: service.metrics()["ovenbird_worker_starts_total"] > starts, lambda: "no worker was started")
        wait_until(lambda: service.call({"name": "fine"}).status_code == 200, lambda: "no call was served")


@pytest.mark.slow
def test_async_wait_is_stopped(asynchronous: Service) -> None:
    """An async handler over its time limit is cancelled: 504, and it notes its own end."""
    before = read_notes(asynchronous).count("wait ended")
    answer = asynchronous.call({"name": "wait"})
    assert (answer.status_code, answer.headers["content-type"]) == (504, "application/problem+json")
    assert read_notes(asynchronous).count("wait ended") == before + 1


@pytest.mark.slow
def test_async_handler_that_catches_its_cancellation(asynchronous: Service) -> None:
    """An async handler that swallows its cancellation is cancelled again; its result then is not the answer."""
    assert asynchronous.call({"name": "stubborn"}).status_code == 504


@pytest.mark.slow
@pytest.mark.parametrize("name", ["handler", "later"])
def test_client_that_leaves_while_the_handler_runs(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """The handler of a client that left is really stopped, long before its time limit; the log says 499."""
    case = "spin" if name == "handler" else "wait"
    with run_service(tmp_path_factory, f"faulty/main.py:{name}", "--log-format", "json") as service:
        with Raw(service) as client:
            client.post(b'{"name": "%s"}' % case.encode())
            wait_until(lambda: service.metrics()["ovenbird_in_flight"] == 1, lambda: "it does not run")
        wait_until(lambda: read_notes(service) == f"{case} ended\n", lambda: f"noted: {read_notes(service)!r}")
        wait_until(lambda: service.metrics().get('ovenbird_calls_total{status="499"}') == 1, lambda: "no 499")
        service.wait_log("POST / 499")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["handler", "later"])
def test_client_that_leaves_while_it_waits(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """A call whose client left while it waited in the queue is never started."""
    target = f"slots/main.py:{name}"
    with run_service(tmp_path_factory, target, "--concurrency", "1", "--queue", "5") as service:
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(service.call, {"name": "first", "seconds": 1.0})
            wait_until(lambda: service.metrics()["ovenbird_in_flight"] == 1, lambda: "the first one does not run")
            leaver = Raw(service)
            leaver.post(b'{"name": "gone", "seconds": 0}')
            wait_until(lambda: service.metrics()["ovenbird_queued"] == 1, lambda: "the second one does not wait")
            leaver.close()
            wait_until(lambda: service.metrics()["ovenbird_queued"] == 0, lambda: "it is still in the queue")
            assert first.result().status_code == 200
        assert service.call({"name": "last", "seconds": 0}).status_code == 200
        assert read_notes(service).split() == ["first", "last"]


def test_draining_answers_close_the_connection(tmp_path_factory: pytest.TempPathFactory) -> None:
    """While the server shuts down each answer tells the client to come on another connection."""
    flags = ("--drain-delay", "5s")
    with run_service(tmp_path_factory, "slots/main.py:handler", *flags) as service, Raw(service) as client:
        client.post(b'{"name": "a"}')
        assert "connection" not in client.answer().headers
        service.send()
        wait_until(lambda: service.get("/_/ready").status_code == 503, lambda: "it is still ready")
        client.post(b'{"name": "b"}')
        assert client.answer().headers["connection"] == "close"
        assert client.ended()


@pytest.mark.slow
def test_starting(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Before init has finished calls are 503 with Retry-After, and are not started."""
    (tmp_path / "main.py").write_text(
        "import time\ndef init(context):\n    time.sleep(1.5)\ndef handler():\n    return 1\n"
    )
    with run_service(tmp_path_factory, str(tmp_path / "main.py"), wait=False) as service:
        service.wait_open()
        answer = service.get("/")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "may_have_run" not in answer.json()
        service.wait_ready()
        assert service.get("/").json() == 1


def test_methods(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A method that the settings do not list is a 405 that lists those that are."""
    with run_service(tmp_path_factory, "slots/main.py:handler", "--methods", "POST,PUT") as service:
        answer = service.get("/")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST, PUT")
        assert service.call({"name": "a"}).status_code == 200


def test_trace_that_is_allowed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`TRACE` reaches the handler where the settings name it."""
    with run_service(tmp_path_factory, "echo/main.py:handler", "--methods", "TRACE,POST") as service:
        assert httpx.request("TRACE", service.url, verify=False).json()["method"] == "TRACE"
        assert service.get("/").status_code == 405


def test_calls_at_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Many clients at once, each with many calls on one connection: every answer belongs to its call."""
    with run_service(tmp_path_factory, "slots/main.py:handler", "--access-log", "false") as service:
        wrong: list[bytes] = []

        def client(number: int) -> None:
            with Raw(service) as connection:
                for turn in range(100):
                    name = f"{number}-{turn}"
                    connection.post(b'{"name": "%s", "quiet": true}' % name.encode())
                    answer = connection.answer()
                    if answer.body != name.encode():
                        wrong.append(answer.body)

        threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []

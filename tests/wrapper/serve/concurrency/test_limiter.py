"""Who may run: slots, the queue, and when a slot is free again."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.raw import Raw, run_service
from tests.service import Service, wait_until

from ovenbird.serve.call import HttpCall, StopReason
from ovenbird.serve.concurrency.limiter import ConcurrencyLimiter, LimiterHooks

BOTH = pytest.mark.parametrize("name", ["handler", "later"])


@pytest.mark.slow
@BOTH
def test_concurrency_and_order(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Never more calls run than there are slots; those that wait are started in the order in which they came."""
    with run_service(tmp_path_factory, f"slots/main.py:{name}", "--concurrency", "2") as service:
        clients = []
        for number in range(12):
            client = Raw(service)
            client.post(b'{"name": "%d", "seconds": 0.15}' % number)
            clients.append(client)
            wait_until(lambda number=number: _arrived(service) >= number + 1, lambda: "the call is not there")
            time.sleep(0.02)
        assert [client.answer().body for client in clients] == [b"%d" % number for number in range(12)]
        for client in clients:
            client.close()
        assert service.call({"name": "most"}).json() == 2
        order = (service.log_path.parent / "notes.txt").read_text().split()
        assert sorted(order[:2]) == ["0", "1"]
        assert all(abs(order.index(str(number)) - number) <= 1 for number in range(12))


def _known(service: Service) -> float:
    metrics = service.metrics()
    return metrics["ovenbird_in_flight"] + metrics["ovenbird_queued"]


def _arrived(service: Service) -> float:
    """Calls that run, wait, or have ended: a slow machine may take longer to ask than a call to end."""
    return _known(service) + service.metrics().get('ovenbird_calls_total{status="200"}', 0)


@pytest.mark.slow
@BOTH
def test_one_slot_is_first_in_first_out(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """With one slot the order is exact."""
    with run_service(tmp_path_factory, f"slots/main.py:{name}", "--concurrency", "1") as service:
        clients = []
        for number in range(8):
            client = Raw(service)
            client.post(b'{"name": "%d", "seconds": 0.2}' % number)
            clients.append(client)
            wait_until(lambda number=number: _arrived(service) >= number + 1, lambda: "the call is not there")
        for client in clients:
            assert client.answer().status == 200
            client.close()
        order = (service.log_path.parent / "notes.txt").read_text().split()
        assert order == [str(number) for number in range(8)]


@pytest.mark.slow
@BOTH
def test_full_queue(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """A call that finds the queue full is a 503 with Retry-After at once; those that wait are served."""
    flags = ("--concurrency", "1", "--queue", "1")
    with run_service(tmp_path_factory, f"slots/main.py:{name}", *flags) as service, ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(service.call, {"name": str(number), "seconds": 1.2}) for number in range(2)]
        wait_until(lambda: _known(service) == 2, lambda: "the queue is not full")
        answer = service.call({"name": "more"})
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert [call.result().status_code for call in slow] == [200, 200]
        assert service.metrics()["ovenbird_rejected_total"] == 1
        assert service.call({"name": "more"}).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("name", ["handler", "later", "streaming", "streaming_async"])
def test_sequential_client(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """A strictly sequential client never sees an overload answer, though there is one slot and no queue."""
    flags = ("--concurrency", "1", "--queue", "0", "--access-log", "false")
    with run_service(tmp_path_factory, f"slots/main.py:{name}", *flags) as service, Raw(service) as client:
        body = b'{"name": "x"}' if name.startswith("streaming") else b'{"name": "x", "quiet": true}'
        statuses = []
        for _ in range(500):
            client.post(body)
            statuses.append(client.answer().status)
        assert statuses == [200] * 500


@pytest.mark.slow
@BOTH
def test_time_limit_includes_waiting(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Two calls that fit the time limit one by one: the second one, which had to wait, is a 504."""
    flags = ("--concurrency", "1", "--timeout", "2s")
    with run_service(tmp_path_factory, f"slots/main.py:{name}", *flags) as service, ThreadPoolExecutor(1) as pool:
        first = pool.submit(service.call, {"name": "first", "seconds": 1.2})
        wait_until(lambda: _known(service) == 1, lambda: "it does not run")
        second = service.call({"name": "second", "seconds": 1.6})
        assert (first.result().status_code, second.status_code) == (200, 504)


@pytest.mark.slow
def test_time_is_up_while_waiting(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A call whose time is up in the queue is a 504 in time, and is never started."""
    flags = ("--concurrency", "1", "--timeout", "500ms")
    with run_service(tmp_path_factory, "slots/main.py:handler", *flags) as service, ThreadPoolExecutor(1) as pool:
        first = pool.submit(service.call, {"name": "first", "seconds": 2})  # in C: it holds the slot to its end
        wait_until(lambda: _known(service) == 1, lambda: "it does not run")
        assert service.call({"name": "second"}).status_code == 504
        assert first.result().status_code == 504
        wait_until(lambda: _known(service) == 0, lambda: "the slot did not come back")
        assert service.call({"name": "third"}).status_code == 200
        assert (service.log_path.parent / "notes.txt").read_text().split() == ["first", "third"]


@pytest.mark.slow
def test_asgi(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A FastAPI application is served as it is: paths, state from the lifespan, errors; within our limits."""
    flags = ("--concurrency", "1", "--queue", "0", "--timeout", "700ms", "--max-body", "1KiB", "--log-format", "json")
    with run_service(tmp_path_factory, "asgi/main.py:app", *flags) as service:
        assert service.get("/items/3").json() == {"item": 3, "model": "loaded"}
        assert service.get("/items/x").status_code == 422
        assert service.get("/nowhere").status_code == 404
        assert service.post("/echo", content=b"abc").json() == {"size": 3}
        assert service.post("/echo", content=b"x" * 2000).status_code == 413
        assert service.post("/echo", content=iter([b"x" * 600] * 4)).status_code == 413
        answer = service.get("/fail")
        assert answer.status_code == 500
        assert "secret" not in answer.text
        service.wait_log("secret-asgi")
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(service.get, "/slow")
            wait_until(lambda: service.metrics()["ovenbird_in_flight"] == 1, lambda: "it does not run")
            assert service.get("/items/1").status_code == 503
            assert slow.result().status_code == 504
        assert [service.get("/items/1").status_code for _ in range(50)] == [200] * 50
        assert service.get("/_/live").json() == {"status": "live"}
        assert service.stop() == 0
        assert "lifespan ended" in service.log


@pytest.mark.slow
def test_websocket(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A WebSocket is the application's own affair."""
    from websockets.sync.client import connect

    with (
        run_service(tmp_path_factory, "asgi/main.py:app") as service,
        connect(service.url.replace("http", "ws") + "/socket") as socket,
    ):
        socket.send("hello")
        assert socket.recv() == "hello loaded"


@pytest.mark.slow
def test_wsgi(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A Flask application is served as it is."""
    with run_service(tmp_path_factory, "wsgi/main.py:app", "--concurrency", "2", "--log-format", "json") as service:
        assert service.get("/hello/you?x=1").json() == {"hello": "you", "x": "1"}
        assert service.post("/echo", content=b"x" * 100_000).text == "100000"
        assert service.get("/nowhere").status_code == 404
        assert service.get("/fail").status_code == 500
        service.wait_log("secret-wsgi")
        with ThreadPoolExecutor(8) as pool:
            assert {answer.status_code for answer in pool.map(lambda _: service.get("/hello/a"), range(40))} == {200}


@pytest.mark.slow
def test_wsgi_calls_that_are_stopped(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A WSGI call over its time limit is a 504; its thread, and that of a client that left, come back."""
    flags = ("--concurrency", "2", "--timeout", "700ms")
    with run_service(tmp_path_factory, "wsgi/main.py:app", *flags) as service:
        for _ in range(3):  # more than there are threads
            assert service.get("/slow").status_code == 504
            time.sleep(0.6)
        for _ in range(4):
            with Raw(service) as client:
                client.send(b"GET /endless HTTP/1.1\r\nhost: t\r\n\r\n")
                client.file.read(100)
        wait_until(lambda: service.get("/hello/a").status_code == 200, lambda: "no thread has come back")


@pytest.mark.slow
def test_a_failure_of_the_timer_ends_no_limit(caplog: pytest.LogCaptureFixture) -> None:
    """A failure while one call is looked after, or in the gauge, is logged; other calls keep their time limit."""

    def left(call: HttpCall) -> bool:
        if call.scope["path"] == "/bad":
            raise RuntimeError("no transport")
        return call.scope["path"] == "/left"

    def gauge() -> None:
        raise OSError("no memory")

    async def run() -> None:
        stopped: list[HttpCall] = []
        done = asyncio.Event()

        def stop(call: HttpCall) -> None:
            stopped.append(call)
            if len(stopped) == 3:
                done.set()

        admission = ConcurrencyLimiter(9, 0, 0.4, LimiterHooks(left, stop, gauge))
        admission.start(asyncio.get_running_loop())
        calls = [
            HttpCall({"path": path}, None, None, {}, time.perf_counter())  # type: ignore[arg-type]
            for path in ("/bad", "/left", "/late")
        ]
        for call in calls:
            admission.enter(call)
        await asyncio.wait_for(done.wait(), 10)
        assert [call.reason for call in calls] == [StopReason.TIMEOUT, StopReason.GONE, StopReason.TIMEOUT]
        for call in calls:
            admission.finish(call)

    asyncio.run(run())
    assert "no transport" in caplog.text

"""An http trigger: every path and method, the two ports, the limits, and the end."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.processors import Processor, Processors, http
from tests.service import wait_until

ECHO = """
def handler(context, event):
    return {
        "body": event.body if not isinstance(event.body, bytes) else {"bytes": event.body.decode()},
        "method": event.method, "path": event.path, "url": event.url, "fields": event.fields, "size": event.size,
        "type": event.content_type, "headers": event.headers, "trigger": [event.trigger.kind, event.trigger.name],
        "worker": context.worker_id, "id": event.id,
    }
"""
SLOW = """
import threading, time
lock, now, most = threading.Lock(), 0, 0
def handler(context, event):
    global now, most
    if event.path == "/most":
        return most
    with lock:
        now += 1
        most = max(most, now)
    time.sleep(float(event.fields.get("seconds", 0.1)))
    with lock:
        now -= 1
    return "done"
"""
SLOW_ASYNC = """
import asyncio
async def handler(context, event):
    await asyncio.sleep(float(event.fields.get("seconds", 0.1)))
    return "done"
"""


@pytest.mark.slow
def test_a_service_of_the_platform(shared: Processors) -> None:
    """State set by init, fields and body, an answer of its own form, a failure that is a failure."""
    process = shared.serve("rendered", INIT_PARAMETERS='{"greeting": "ciao"}')
    answer = process.get("/?name=Ada", headers={"user-agent": "test"})
    assert (answer.status_code, answer.json()) == (200, {"text": "ciao, Ada", "method": "GET", "agent": "test"})
    assert process.call({"name": "Grace"}).json()["text"] == "ciao, Grace"
    assert process.post("/", content=b"Alan").json()["text"] == "ciao, Alan"
    teapot = process.get("/teapot")
    assert (teapot.status_code, teapot.text, teapot.headers["content-type"]) == (418, "short and stout", "text/plain")
    failed = process.get("/fails")
    assert (failed.status_code, failed.headers["content-type"]) == (500, "application/problem+json")
    assert "no such thing" not in failed.text
    assert process.stop() == 0
    served = [record for record in process.records if record["message"] == "served"]
    assert [record["calls"] for record in served] == [1, 2, 3, 4, 5]
    assert any("ValueError: no such thing" in record["message"] for record in process.records)


@pytest.mark.slow
def test_the_event(shared: Processors) -> None:
    """Every path and method reaches the handler, with what nuclio tells of a call."""
    process = shared.serve(ECHO, {"mine": {"kind": "http"}})
    answer = process.post("/a/b%20c?x=1&y=&x=2", content=b"{}", headers={"content-type": "text/plain", "x-my-id": "7"})
    record = answer.json()
    assert record["body"] == {"bytes": "{}"}
    assert (record["method"], record["path"], record["url"]) == ("POST", "/a/b c", "/a/b c?x=1&y=&x=2")
    assert (record["fields"], record["size"], record["type"]) == ({"x": "2", "y": ""}, 2, "text/plain")
    assert (record["headers"]["X-My-Id"], record["headers"]["Content-Type"]) == ("7", "text/plain")
    assert (record["trigger"], record["worker"]) == (["http", "mine"], 0)
    assert len(record["id"]) == 32
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        assert httpx.request(method, process.url + "/any", verify=False).json()["method"] == method
    assert httpx.head(process.url, verify=False).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    ("media", "body", "expected"),
    [
        ("application/json", b'{"a": [1]}', {"a": [1]}),
        ("application/json; charset=utf-8", b'{"a": 1}', {"a": 1}),  # which the platform leaves as bytes
        ("application/json", b"[1, 2]", [1, 2]),
        ("application/json", b'{"a":', {"bytes": '{"a":'}),  # the handler may know better
        ("application/json", b"", {"bytes": ""}),
        ("application/x-www-form-urlencoded", b"a=1", {"bytes": "a=1"}),
        ("multipart/form-data; boundary=x", b"--x--", {"bytes": "--x--"}),
    ],
)
def test_bodies(echo: Processor, media: str, body: bytes, expected: Any) -> None:
    """JSON is parsed, all else are the bytes that came."""
    assert echo.post("/", content=body, headers={"content-type": media}).json()["body"] == expected


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A service for all calls that only look at what came."""
    processors = Processors(tmp_path_factory.mktemp("echo"))
    yield processors.serve(ECHO)
    processors.close()


ANSWERS = """
def items():
    yield b"a"
    yield "b"
def handler(context, event):
    return {
        "/text": "text", "/bytes": b"\\xff", "/object": {"a": 1}, "/list": [1, 2], "/made": (201, "made"),
        "/missing": (404, {"a": 1}), "/nothing": None, "/stream": items(),
        "/position": context.Response({"X-A": "b"}, "x", "text/css", 202),
        "/keywords": context.Response(body=b"x", content_type="image/png", headers={"x-a": "b"}),
    }[event.path]
"""


@pytest.mark.slow
def test_answers(shared: Processors) -> None:
    """A handler may return each of these forms."""
    process = shared.serve(ANSWERS)

    def answer(path: str) -> tuple[int, str | None, bytes]:
        answer = process.get(path)
        return answer.status_code, answer.headers.get("content-type"), answer.content

    assert answer("/text") == (200, "text/plain; charset=utf-8", b"text")
    assert answer("/bytes") == (200, "application/octet-stream", b"\xff")
    assert answer("/object") == (200, "application/json", b'{"a":1}')
    assert answer("/list") == (200, "application/json", b"[1,2]")
    assert answer("/made") == (201, "text/plain; charset=utf-8", b"made")
    assert answer("/missing") == (404, "application/json", b'{"a":1}')
    assert answer("/nothing") == (204, None, b"")
    assert answer("/stream") == (200, "application/octet-stream", b"ab")
    assert answer("/position") == (202, "text/css", b"x")
    assert answer("/keywords") == (200, "image/png", b"x")
    assert process.get("/position").headers["x-a"] == process.get("/keywords").headers["x-a"] == "b"


@pytest.mark.slow
def test_the_two_ports(shared: Processors) -> None:
    """Probes have their own port; the health check of the first one is the runtime's, all else the handler's."""
    source = """
    import os, time
    def init_context(context):
        while not os.path.exists("go"):
            time.sleep(0.01)
    def handler(context, event):
        return event.path
    """
    shared.lay_out(source, http())
    process = shared.start()
    wait_until(lambda: process.probe("/live").status_code == 200, lambda: process.log, process)
    assert (process.probe("/ready").status_code, process.get("/__internal/health").status_code) == (503, 503)
    assert "init has not finished" in process.probe("/ready").text
    (shared.folder / "go").touch()
    process.wait_ready()
    assert (process.probe("/live").status_code, process.get("/__internal/health").status_code) == (200, 200)
    assert [process.get(path).text for path in ("/ready", "/live", "/__internal")] == ["/ready", "/live", "/__internal"]
    assert process.probe("/other").status_code == 404
    assert "ovenbird_calls_total" in process.probe("/metrics").text


@pytest.mark.slow
@pytest.mark.parametrize("field", ["maxWorkers", "numWorkers"])
def test_workers_are_the_concurrency(shared: Processors, field: str) -> None:
    """As many calls run at once as there are workers, and never more."""
    process = shared.serve(SLOW, http(**{field: 3}))
    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(lambda _: process.get("/?seconds=0.2").text, range(9)))
    assert (answers, process.get("/most").json()) == (["done"] * 9, 3)


@pytest.mark.slow
@pytest.mark.parametrize("source", [SLOW, SLOW_ASYNC], ids=["thread", "loop"])
def test_a_call_waits_for_a_worker_so_long(shared: Processors, source: str) -> None:
    """The call is answered 503 with a `Retry-After`; the running call continues."""
    process = shared.serve(source, http(maxWorkers=1, workerAvailabilityTimeoutMilliseconds=300))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(process.get, "/?seconds=2")
        wait_until(lambda: process.metrics()["ovenbird_in_flight"] == 1, lambda: "the first call is not there")
        began = time.monotonic()
        second = process.get("/?seconds=0")
        waited = time.monotonic() - began
        assert second.status_code == 503
        assert "no slot came free in time" in second.text
        assert int(second.headers["retry-after"]) >= 1
        assert 0.25 < waited < 1.9
        assert first.result().status_code == 200
    assert process.get("/?seconds=0").status_code == 200


@pytest.mark.slow
def test_no_wait_at_all(shared: Processors) -> None:
    """With a wait of 0 a call that finds every worker busy is refused at once."""
    process = shared.serve(SLOW, http(maxWorkers=1, workerAvailabilityTimeoutMilliseconds=0))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(process.get, "/?seconds=1")
        wait_until(lambda: process.metrics()["ovenbird_in_flight"] == 1, lambda: "the first call is not there")
        assert process.get("/?seconds=0").status_code == 503
        assert first.result().status_code == 200


@pytest.mark.slow
def test_the_other_limits(shared: Processors) -> None:
    """Body, headers, and the time of a call."""
    attributes = {"maxRequestBodySize": 1000, "readBufferSize": 2048}
    process = shared.serve(SLOW, http(attributes), {"eventTimeout": "200ms"})
    assert process.post("/?seconds=0", content=b"x" * 1000).status_code == 200
    assert process.post("/?seconds=0", content=b"x" * 1001).status_code == 413
    assert process.get("/?seconds=0", headers={"x-long": "x" * 4000}).status_code == 431
    assert process.get("/?seconds=5").status_code == 504


def test_a_larger_body_than_the_platform_takes(echo: Processor) -> None:
    """4 MiB is a limit only where the document sets it."""
    assert echo.post("/", content=b"x" * (5 * 1024**2)).json()["size"] == 5 * 1024**2


@pytest.mark.slow
def test_sigterm_drains(shared: Processors) -> None:
    """The service is not ready at once, calls in flight end well, the callback is called, and the status is 0."""
    source = SLOW + "def init_context(c):\n    c.platform.set_termination_callback(lambda: print('end', flush=True))\n"
    process = shared.serve(source, OVENBIRD_DRAIN_DELAY="1")
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(process.get, "/?seconds=2")
        wait_until(lambda: process.metrics()["ovenbird_in_flight"] == 1, lambda: "the call is not there")
        process.send(signal.SIGTERM)
        wait_until(lambda: process.probe("/ready").status_code == 503, lambda: process.log)
        assert process.probe("/live").status_code == 200
        assert call.result().text == "done"
    assert process.wait() == 0
    assert process.log.count("end\n") == 1


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_init_that_fails(shared: Processors, kind: str) -> None:
    """One record, status 73, and the process ends."""
    source = (
        f"{kind} init_context(context):\n    raise RuntimeError('no model')\ndef handler(context, event):\n    pass\n"
    )
    code, process = shared.run(source, http())
    assert code == 73
    (record,) = process.records
    assert (record["code"], record["message"]) == ("init", "init of f1 raised RuntimeError: no model")


def test_a_module_that_fails_to_import(shared: Processors) -> None:
    """One record, and status 72."""
    code, process = shared.run("import nothing_like_this\n", http())
    assert code == 72
    (record,) = process.records
    assert record["code"] == "load.module_failed"
    assert "is 'nothing_like_this' in the requirements" in record["hint"]


@pytest.mark.slow
def test_several_processes(shared: Processors) -> None:
    """The operator may have more than one, each with its number; both ports are shared by them."""
    process = shared.serve(ECHO, OVENBIRD_WORKERS="2")
    process.wait_log("2 workers are ready")
    values: set[int] = set()
    lock = threading.Lock()

    def call() -> None:
        number = process.get().json()["worker"]
        with lock:
            values.add(number)

    wait_until(lambda: call() or values == {0, 1}, lambda: f"only {values} answered")
    assert {process.probe("/ready").status_code for _ in range(10)} == {200}
    assert process.stop() == 0

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
from tests.service import until

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


def test_a_service_of_the_platform(shared: Processors) -> None:
    """State set by init, fields and body, an answer of its own form, a failure that is a failure."""
    found = shared.serve("rendered", INIT_PARAMETERS='{"greeting": "ciao"}')
    answer = found.get("/?name=Ada", headers={"user-agent": "test"})
    assert (answer.status_code, answer.json()) == (200, {"text": "ciao, Ada", "method": "GET", "agent": "test"})
    assert found.call({"name": "Grace"}).json()["text"] == "ciao, Grace"
    assert found.post("/", content=b"Alan").json()["text"] == "ciao, Alan"
    teapot = found.get("/teapot")
    assert (teapot.status_code, teapot.text, teapot.headers["content-type"]) == (418, "short and stout", "text/plain")
    failed = found.get("/fails")
    assert (failed.status_code, failed.headers["content-type"]) == (500, "application/problem+json")
    assert "no such thing" not in failed.text
    assert found.stop() == 0
    served = [record for record in found.records if record["message"] == "served"]
    assert [record["calls"] for record in served] == [1, 2, 3, 4, 5]
    assert any("ValueError: no such thing" in record["message"] for record in found.records)


def test_the_event(shared: Processors) -> None:
    """Every path and method reaches the handler, with what nuclio tells of a call."""
    found = shared.serve(ECHO, {"mine": {"kind": "http"}})
    answer = found.post("/a/b%20c?x=1&y=&x=2", content=b"{}", headers={"content-type": "text/plain", "x-my-id": "7"})
    told = answer.json()
    assert told["body"] == {"bytes": "{}"}
    assert (told["method"], told["path"], told["url"]) == ("POST", "/a/b c", "/a/b c?x=1&y=&x=2")
    assert (told["fields"], told["size"], told["type"]) == ({"x": "2", "y": ""}, 2, "text/plain")
    assert (told["headers"]["X-My-Id"], told["headers"]["Content-Type"]) == ("7", "text/plain")
    assert (told["trigger"], told["worker"]) == (["http", "mine"], 0)
    assert len(told["id"]) == 32
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        assert httpx.request(method, found.url + "/any").json()["method"] == method
    assert httpx.head(found.url).status_code == 200


@pytest.mark.parametrize(
    ("media", "body", "seen"),
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
def test_bodies(echo: Processor, media: str, body: bytes, seen: Any) -> None:
    """JSON is parsed, all else are the bytes that came."""
    assert echo.post("/", content=body, headers={"content-type": media}).json()["body"] == seen


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A service for all calls that only look at what came."""
    found = Processors(tmp_path_factory.mktemp("echo"))
    yield found.serve(ECHO)
    found.close()


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


def test_answers(shared: Processors) -> None:
    """What a handler may return, each in its form."""
    found = shared.serve(ANSWERS)

    def answer(path: str) -> tuple[int, str | None, bytes]:
        answer = found.get(path)
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
    assert found.get("/position").headers["x-a"] == found.get("/keywords").headers["x-a"] == "b"


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
    found = shared.start()
    until(lambda: found.probe("/live").status_code == 200, lambda: found.log, found)
    assert (found.probe("/ready").status_code, found.get("/__internal/health").status_code) == (503, 503)
    assert "init has not finished" in found.probe("/ready").text
    (shared.folder / "go").touch()
    found.wait_ready()
    assert (found.probe("/live").status_code, found.get("/__internal/health").status_code) == (200, 200)
    assert [found.get(path).text for path in ("/ready", "/live", "/__internal")] == ["/ready", "/live", "/__internal"]
    assert found.probe("/other").status_code == 404
    assert "ovenbird_calls_total" in found.probe("/metrics").text


@pytest.mark.parametrize("field", ["maxWorkers", "numWorkers"])
def test_workers_are_the_concurrency(shared: Processors, field: str) -> None:
    """So many calls run at once, and never more."""
    found = shared.serve(SLOW, http(**{field: 3}))
    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(lambda _: found.get("/?seconds=0.2").text, range(9)))
    assert (answers, found.get("/most").json()) == (["done"] * 9, 3)


@pytest.mark.slow
@pytest.mark.parametrize("source", [SLOW, SLOW_ASYNC], ids=["thread", "loop"])
def test_a_call_waits_for_a_worker_so_long(shared: Processors, source: str) -> None:
    """Then it is answered 503 with a time to come again; the one that runs is not touched."""
    found = shared.serve(source, http(maxWorkers=1, workerAvailabilityTimeoutMilliseconds=300))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(found.get, "/?seconds=2")
        until(lambda: found.metrics()["ovenbird_in_flight"] == 1, lambda: "the first call is not there")
        began = time.monotonic()
        second = found.get("/?seconds=0")
        waited = time.monotonic() - began
        assert second.status_code == 503
        assert "no slot came free in time" in second.text
        assert int(second.headers["retry-after"]) >= 1
        assert 0.25 < waited < 1.9
        assert first.result().status_code == 200
    assert found.get("/?seconds=0").status_code == 200


def test_no_wait_at_all(shared: Processors) -> None:
    """With a wait of 0 a call that finds every worker busy is refused at once."""
    found = shared.serve(SLOW, http(maxWorkers=1, workerAvailabilityTimeoutMilliseconds=0))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(found.get, "/?seconds=1")
        until(lambda: found.metrics()["ovenbird_in_flight"] == 1, lambda: "the first call is not there")
        assert found.get("/?seconds=0").status_code == 503
        assert first.result().status_code == 200


def test_the_other_limits(shared: Processors) -> None:
    """Body, headers, and the time of a call."""
    attributes = {"maxRequestBodySize": 1000, "readBufferSize": 2048}
    found = shared.serve(SLOW, http(attributes), {"eventTimeout": "200ms"})
    assert found.post("/?seconds=0", content=b"x" * 1000).status_code == 200
    assert found.post("/?seconds=0", content=b"x" * 1001).status_code == 413
    assert found.get("/?seconds=0", headers={"x-long": "x" * 4000}).status_code == 431
    assert found.get("/?seconds=5").status_code == 504


def test_a_larger_body_than_the_platform_takes(echo: Processor) -> None:
    """4 MiB is no limit unless the document says so."""
    assert echo.post("/", content=b"x" * (5 * 1024**2)).json()["size"] == 5 * 1024**2


def test_sigterm_drains(shared: Processors) -> None:
    """Not ready at once, calls in flight end well, the callback is called, and the status is 0."""
    source = SLOW + "def init_context(c):\n    c.platform.set_termination_callback(lambda: print('end', flush=True))\n"
    found = shared.serve(source, OVENBIRD_DRAIN_DELAY="1")
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(found.get, "/?seconds=2")
        until(lambda: found.metrics()["ovenbird_in_flight"] == 1, lambda: "the call is not there")
        found.send(signal.SIGTERM)
        until(lambda: found.probe("/ready").status_code == 503, lambda: found.log)
        assert found.probe("/live").status_code == 200
        assert call.result().text == "done"
    assert found.wait() == 0
    assert found.log.count("end\n") == 1


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_init_that_fails(shared: Processors, kind: str) -> None:
    """One record, status 73, and the end."""
    source = (
        f"{kind} init_context(context):\n    raise RuntimeError('no model')\ndef handler(context, event):\n    pass\n"
    )
    code, done = shared.run(source, http())
    assert code == 73
    (record,) = done.records
    assert (record["code"], record["message"]) == ("init", "init of f1 raised RuntimeError: no model")


def test_a_module_that_fails_to_import(shared: Processors) -> None:
    """One record, status 72."""
    code, done = shared.run("import nothing_like_this\n", http())
    assert code == 72
    (record,) = done.records
    assert record["code"] == "load.module_failed"
    assert "is 'nothing_like_this' in the requirements" in record["hint"]


@pytest.mark.slow
def test_several_processes(shared: Processors) -> None:
    """The operator may have more than one, each with its number; both ports are shared by them."""
    found = shared.serve(ECHO, OVENBIRD_WORKERS="2")
    found.wait_log("2 workers are ready")
    seen: set[int] = set()
    lock = threading.Lock()

    def call() -> None:
        number = found.get().json()["worker"]
        with lock:
            seen.add(number)

    until(lambda: call() or seen == {0, 1}, lambda: f"only {seen} answered")
    assert {found.probe("/ready").status_code for _ in range(10)} == {200}
    assert found.stop() == 0

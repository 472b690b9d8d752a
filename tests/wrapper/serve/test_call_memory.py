"""Nothing of a call outlives it, even where the collector of reference cycles never runs."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.raw import Raw, request, run_service
from tests.service import Service, wait_until

SIZE = 8_000_000  # of a body, and of an answer
COUNT = 8  # calls of each kind: what they hold together is plain to see
MOST = 40_000_000  # bytes that the memory may grow by; all bodies of a kind are 64 MB
FLAGS = ("--concurrency", "2", "--timeout", "1s", "--log-level", "error")
Send = Callable[[Service, str], None]


@pytest.mark.slow
def test_calls_on_threads(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Bodies, answers, streams, failures, time-outs and clients that left leave nothing of a `def` handler's call."""
    kinds = "body answer error chained stop unknown coroutine stream broken taste slow left half"
    _holds(tmp_path_factory, "sync.py", kinds.split(), _post)


@pytest.mark.slow
def test_calls_on_the_loop(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same of an `async def` handler, which keeps its body in a ContextVar."""
    _holds(tmp_path_factory, "loop.py", "body answer error stream generator broken taste slow left half".split(), _post)


@pytest.mark.slow
def test_calls_of_an_asgi_application(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same of an ASGI application."""
    _holds(tmp_path_factory, "asgi.py", "body answer error stream taste slow left half".split(), _post)


@pytest.mark.slow
def test_calls_of_a_wsgi_application(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same of a WSGI application."""
    _holds(tmp_path_factory, "wsgi.py", "body answer error stream broken taste slow left half".split(), _post)


@pytest.mark.slow
def test_fields_and_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    """JSON, forms and multipart files leave nothing, those that are refused included."""

    def post(service: Service, kind: str) -> None:
        text = "x" * SIZE
        if kind == "json":
            answer = service.post(json={"text": text})
        elif kind == "refused":
            answer = service.post(json={"text": text, "count": "many"})
        elif kind == "malformed":
            answer = service.post(content=b'{"text": "' + text.encode(), headers={"content-type": "application/json"})
        elif kind == "failing":
            answer = service.post(json={"text": text, "count": -1})
        elif kind == "file":
            answer = service.post(files={"file": ("a.bin", text.encode())})
        else:
            answer = service.post(files={"other": ("a.bin", text.encode())})
        expected = {"json": 200, "refused": 422, "malformed": 400, "failing": 500, "file": 200, "other": 422}
        assert answer.status_code == expected[kind], answer.text

    _holds(tmp_path_factory, "fields.py", "json refused malformed failing file other".split(), post)


@pytest.mark.slow
def test_events(tmp_path_factory: pytest.TempPathFactory) -> None:
    """CloudEvents leave nothing, alone or in a batch, failed or not."""

    def post(service: Service, kind: str) -> None:
        media = "application/cloudevents-batch+json" if kind == "batch" else "application/cloudevents+json"
        event = {"specversion": "1.0", "id": "1", "source": "/t", "type": kind, "data": "x" * (SIZE // 2)}
        document: Any = [{**event, "type": "some"}, {**event, "type": "error"}] if kind == "batch" else event
        answer = service.post(content=json.dumps(document).encode(), headers={"content-type": media})
        assert answer.status_code == {"some": 200, "error": 500, "batch": 207}[kind], answer.text

    _holds(tmp_path_factory, "events.py", "some error batch".split(), post)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["sync.py", "loop.py", "wsgi.py"])
def test_large_uploads_in_little_memory(tmp_path_factory: pytest.TempPathFactory, target: str) -> None:
    """With 700 MiB of address space, 40 uploads of 30 MB succeed one after the other."""
    body = bytes(30_000_000)
    flags = ("--concurrency", "2", "--timeout", "30s", "--log-level", "error")
    with (
        run_service(tmp_path_factory, f"retained/{target}", *flags, ADDRESS_SPACE=str(700 * 1024**2)) as service,
        httpx.Client(timeout=30.0, verify=False) as client,
    ):
        answers = [client.post(f"{service.url}/body", content=body) for _ in range(40)]
        assert {(answer.status_code, answer.text) for answer in answers} == {(200, "30000000")}


def _holds(factory: pytest.TempPathFactory, target: str, kinds: list[str], send: Send) -> None:
    """Make calls of each kind, and ask the process after each kind what is left of them."""
    with run_service(factory, f"retained/{target}", *FLAGS) as service:
        send(service, kinds[0])
        before = _census(service, target)
        for kind in kinds:
            for _ in range(COUNT if kind != "slow" else 3):
                send(service, kind)
                # one after the other: bodies of calls that overlap would leave holes in the memory of the process
                after = wait_until(
                    lambda kind=kind: _settled(service, target, kind), lambda kind=kind: f"a call is kept: {kind}"
                )
            assert after["resident"] - before["resident"] < MOST, kind


def _settled(service: Service, target: str, kind: str) -> dict[str, Any] | None:
    """The census when no call is alive but the one that asks. The log keeps a call for a moment, and a client that has
    shut down its side may wait for its answer."""
    report = _census(service, target)
    assert report["cycles"] == {}, kind
    return report if report["alive"] == 1 else None


def _census(service: Service, target: str) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": "1", "source": "/t", "type": "census"}
    if target == "events.py":
        answer = service.post(json=event, headers={"content-type": "application/cloudevents+json"})
    elif target == "fields.py":
        answer = service.post(json={"report": True})
    else:
        answer = service.post("/census")
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def _post(service: Service, kind: str) -> None:
    """Post a large body, and take the answer; or leave before it has come."""
    body = bytes(SIZE)
    if kind in ("left", "half", "taste"):
        with Raw(service) as client:
            path = "/stream" if kind == "taste" else "/slow"
            client.send(request(body, path, content_type="application/octet-stream")[: -10 if kind == "half" else None])
            if kind == "taste":
                client.file.read(1000)
            time.sleep(0.1)
        return
    with contextlib.suppress(httpx.RemoteProtocolError):  # a stream that broke off
        answer = service.post(f"/{kind}", content=body)
        failing = ("error", "chained", "stop", "unknown")
        assert answer.status_code == (500 if kind in failing else 504 if kind == "slow" else 200), answer.text

"""Work after the answer: background tasks of applications and of responses, and `close` of WSGI answers."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from tests.raw import Raw, request
from tests.service import Service, wait_until

Serve = Callable[..., Service]
FLAGS = ("--drain-delay", "0", "--log-format", "json")
WORK = """
import asyncio, pathlib, time

SECONDS = {seconds}

async def later():
    await asyncio.sleep(SECONDS)
    pathlib.Path("done").write_text("yes")

def slowly():
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(0.01)
    pathlib.Path("done").write_text("yes")
"""
HANDLERS = {
    "fastapi": """
from fastapi import BackgroundTasks, FastAPI
handler = FastAPI()

@handler.post("/")
async def answer(tasks: BackgroundTasks):
    tasks.add_task(later)
    return {"n": 1}
""",
    "fastapi thread": """
from fastapi import BackgroundTasks, FastAPI
handler = FastAPI()

@handler.post("/")
def answer(tasks: BackgroundTasks):
    tasks.add_task(slowly)
    return {"n": 1}
""",
    "async def": """
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse

async def handler():
    return JSONResponse({"n": 1}, background=BackgroundTask(later))
""",
    "def": """
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse

def handler():
    return JSONResponse({"n": 1}, background=BackgroundTask(slowly))
""",
    "wsgi": """
class Answer(list):
    def close(self):
        slowly()

def handler(environ, start_response):
    start_response("200 OK", [("content-type", "application/json")])
    return Answer([b'{"n":1}'])
""",
}


def _source(kind: str, seconds: float) -> str:
    return WORK.replace("{seconds}", str(seconds)) + HANDLERS[kind]


def _done(service: Service) -> bool:
    return (service.log_path.parent / "done").exists()


@pytest.mark.slow
@pytest.mark.parametrize("header", ["keep-alive", "close"])
@pytest.mark.parametrize("kind", HANDLERS)
def test_it_ends_although_the_client_has_gone(serve: Serve, kind: str, header: str) -> None:
    """A client that closes after its whole answer has not left: the task runs to its end, the log has the answer's
    status."""
    service = serve(_source(kind, 0.5), *FLAGS)
    with Raw(service) as client:
        client.send(request(b"{}", connection=header))
        answer = client.answer()
        assert (answer.status, answer.body) == (200, b'{"n":1}')
        assert not _done(service)
    wait_until(lambda: _done(service), lambda: f"the task was ended:\n{service.log}")
    wait_until(lambda: any("status" in record for record in service.records), lambda: service.log)
    assert {record["status"] for record in service.records if "status" in record} == {200}


@pytest.mark.slow
@pytest.mark.parametrize("kind", HANDLERS)
def test_a_drain_waits_for_it(serve: Serve, kind: str) -> None:
    """After SIGTERM it still has `--grace` to finish."""
    service = serve(_source(kind, 0.7), *FLAGS, "--grace", "20s")
    assert service.call({}).status_code == 200
    assert service.stop() == 0
    assert _done(service)


@pytest.mark.slow
@pytest.mark.parametrize("kind", HANDLERS)
def test_a_drain_does_not_wait_for_ever(serve: Serve, kind: str) -> None:
    """A task that takes longer than `--grace` is stopped with the process."""
    service = serve(_source(kind, 100), *FLAGS, "--grace", "500ms")
    assert service.call({}).status_code == 200
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 20
    assert not _done(service)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fastapi", "async def", "wsgi"])
def test_it_counts_to_the_time_limit(serve: Serve, kind: str) -> None:
    """A task is stopped when its call is over the time limit; the answer's status stays."""
    service = serve(_source(kind, 2), *FLAGS, "--timeout", "500ms")
    assert service.call({}).status_code == 200
    wait_until(lambda: service.metrics()["ovenbird_in_flight"] == 0, lambda: "it still runs")
    time.sleep(2)
    assert not _done(service)
    assert {record["status"] for record in service.records if "status" in record} == {200}

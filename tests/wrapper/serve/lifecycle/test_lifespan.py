"""The lifespan of an ASGI application is its init and close."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.service import Service

Serve = Callable[..., Service]
STARLETTE = """
import contextlib
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
@contextlib.asynccontextmanager
async def lifespan(app):
    print("opened", flush=True)
    {fail}
    yield {{"word": "kept"}}
    print("closed", flush=True)
async def answer(request):
    return PlainTextResponse(request.state.word)
handler = Starlette(routes=[Route("/", answer)], lifespan=lifespan)
"""


def test_startup_and_shutdown_run_once_and_state_reaches_requests(serve: Serve) -> None:
    """The application is ready when its startup is done, and shut down after the last call."""
    service = serve(STARLETTE.format(fail=""), "--drain-delay", "0")
    assert [service.get().text for _ in range(2)] == ["kept", "kept"]
    assert service.stop() == 0
    assert (service.log.count("opened\n"), service.log.count("closed\n")) == (1, 1)


def test_a_startup_that_fails_is_an_init_that_fails(serve: Serve) -> None:
    """Exit 73, and the reason in one record."""
    service = serve(STARLETTE.format(fail="raise ValueError('no database')"), ready=False)
    assert service.wait() == 73
    (record,) = [record for record in service.records if record.get("code") == "init"]
    assert "no database" in record["message"] + record.get("traceback", "")


def test_an_application_without_lifespan_is_served(serve: Serve) -> None:
    """An application that raises for the lifespan scope is served without it."""
    source = """
async def handler(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})
"""
    service = serve(source, "--drain-delay", "0")
    assert service.get().text == "x"
    assert service.stop() == 0


@pytest.mark.slow
def test_a_startup_that_hangs_runs_into_the_time_limit(serve: Serve) -> None:
    """--init-timeout holds for an application as well, also when it blocks the loop."""
    for fail in ("import asyncio; await asyncio.sleep(60)", "import time; time.sleep(60)"):
        service = serve(STARLETTE.format(fail=fail), "--init-timeout", "300ms", ready=False)
        assert service.wait() == 73, service.log

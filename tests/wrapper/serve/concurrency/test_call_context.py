"""Each call runs in a context of its own."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.raw import Raw, request
from tests.service import Service

Serve = Callable[..., Service]
STATE = """
import contextvars, decimal, json, time

at_import = contextvars.ContextVar("at_import", default="lost")
at_import.set("kept")
user = contextvars.ContextVar("user", default="nobody")

def visit():
    seen = [at_import.get(), user.get(), decimal.getcontext().prec]
    user.set("somebody")
    at_import.set("changed")
    decimal.getcontext().prec = 5
    return seen
"""
HANDLERS = {
    "def": "def handler():\n    return visit()\n",
    "async def": "async def handler():\n    return visit()\n",
    "generator": "def handler():\n    yield json.dumps(visit())\n",
    "async generator": "async def handler():\n    yield json.dumps(visit())\n",
    "coroutine": "async def later():\n    return visit()\n\ndef handler():\n    return later()\n",
    "asgi": """
async def handler(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(visit()).encode()})
""",
    "wsgi": """
def handler(environ, start_response):
    start_response("200 OK", [])
    return [json.dumps(visit()).encode()]
""",
}


@pytest.mark.parametrize("kind", HANDLERS)
@pytest.mark.parametrize("precision", [0, 50])
def test_a_call_sees_nothing_of_another(serve: Serve, kind: str, precision: int) -> None:
    """Context variables and the context of `decimal` are as they were at import, in calls on one connection, in calls
    that came in one packet, and on others."""
    change = f"decimal.getcontext().prec = {precision}\n" if precision else ""
    service = serve(STATE + change + HANDLERS[kind], "--concurrency", "1", "--drain-delay", "0")
    expected = ["kept", "nobody", precision or 28]
    if precision == 0:
        assert service.call({}).json() == expected
    with Raw(service) as client:
        for _ in range(2):
            client.send(request(b"{}"))
            assert _seen(client) == expected
        client.send(request(b"{}") * 4)
        assert [_seen(client) for _ in range(4)] == [expected] * 4
    assert service.call({}).json() == expected


def _seen(client: Raw) -> object:
    return json.loads(client.answer().body)

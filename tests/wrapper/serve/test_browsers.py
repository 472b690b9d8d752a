"""Requests that browsers send of their own accord, and WebSockets without a library for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PLAIN = {
    "fields": "calls = []\ndef handler(name: str = '-'):\n    calls.append(1)\n    return len(calls)\n",
    "whole": "calls = []\nasync def handler(payload):\n    calls.append(1)\n    return len(calls)\n",
    "bytes": "calls = []\ndef handler(body: bytes):\n    calls.append(1)\n    return len(calls)\n",
    "nothing": "calls = []\ndef handler():\n    calls.append(1)\n    return len(calls)\n",
    "context": "calls = []\ndef handler(context):\n    calls.append(1)\n    return len(calls)\n",
}
ASKS = {
    "event": "def handler(event):\n    return event.path\n",
    "request": (
        "from starlette.requests import Request\nasync def handler(request: Request):\n    return request.url.path\n"
    ),
    "asgi": (
        "from starlette.applications import Starlette\nfrom starlette.responses import PlainTextResponse\n"
        "from starlette.routing import Route\n"
        "handler = Starlette(routes=[Route('/{name:path}', lambda request: PlainTextResponse(request.url.path))])\n"
    ),
    "wsgi": (
        "from flask import Flask, request\nhandler = Flask('a')\n"
        "@handler.route('/<path:name>')\ndef any(name):\n    return request.path\n"
    ),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_a_function_without_a_path_is_not_called_for_a_browser(serve: Any, kind: str) -> None:
    """Its favicon and the robots' rules are 404 to whoever reads them; all other paths and methods are calls."""
    service = serve(PLAIN[kind])
    for path in ("/favicon.ico", "/robots.txt", "/favicon.ico?v=1"):
        answer = service.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert service.get("/").text == "1"
    assert service.get("/favicon.icon").text == "2"
    assert service.get("/a/favicon.ico").text == "3"
    assert service.post("/favicon.ico").text == "4"


@pytest.mark.parametrize("kind", ASKS)
def test_who_asks_for_the_path_gets_it(serve: Any, kind: str) -> None:
    """An event, a request, and applications."""
    service = serve(ASKS[kind])
    for path in ("/favicon.ico", "/robots.txt"):
        answer = service.get(path)
        assert (answer.status_code, answer.text) == (200, path)


SOCKETS = """
from fastapi import APIRouter, FastAPI, WebSocket

router = APIRouter()

@router.websocket("/ws")
async def speak(socket: WebSocket):
    await socket.accept()
    await socket.send_text("hi")
    await socket.close()

inner = FastAPI()
inner.include_router(router)
handler = FastAPI()
handler.mount("/inner", inner)

@handler.get("/")
def root():
    return 1
"""
WITHOUT = "import sys\nsys.modules['websockets'] = sys.modules['wsproto'] = None\n"


@pytest.mark.slow
def test_a_missing_library_for_websockets_is_named_at_the_start(serve: Any, tmp_path: Path) -> None:
    """One line of the log says what to install; everything else is served."""
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WITHOUT)
    service = serve(SOCKETS, PYTHONPATH=str(folder))
    assert service.get("/").json() == 1
    assert service.log.count("pip install websockets") == 1


@pytest.mark.slow
def test_nothing_is_said_where_it_is_not_needed(serve: Any, tmp_path: Path) -> None:
    """With a library, and for an application without such a route."""
    assert "websockets" not in serve(SOCKETS).log
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WITHOUT)
    assert "websockets" not in serve(ASKS["asgi"], PYTHONPATH=str(folder)).log


@pytest.mark.slow
@pytest.mark.parametrize(
    "member",
    [
        "def routes(self): return {}",
        "routes = 3",
        "routes = {'/ws': 1}",
        "@property\n    def routes(self): raise RuntimeError('not yet')",
        "app = property(lambda self: type(self)())",  # a new one for each look
    ],
)
def test_an_application_may_use_the_names_of_starlette_for_anything(serve: Any, tmp_path: Path, member: str) -> None:
    """The look for routes neither fails nor hangs a start."""
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WITHOUT)
    source = f"""
from starlette.responses import PlainTextResponse

class Application:
    {member}

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            await PlainTextResponse("served")(scope, receive, send)

handler = Application()
"""
    service = serve(source, PYTHONPATH=str(folder))
    assert service.get("/").text == "served"
    assert "websockets" not in service.log

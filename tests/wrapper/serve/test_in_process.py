"""One call in this process."""

from __future__ import annotations

import io
import json

import pytest
from tests.loading import Project

from ovenbird.errors import InitError
from ovenbird.function.handler import Handler
from ovenbird.logging_config import LogHandler
from ovenbird.serve.in_process import CapturedResponse, InProcessRequest, invoke
from ovenbird.settings import Settings

JSON = (("Content-Type", "application/json"),)


def call(handler: Handler, body: bytes = b"", settings: Settings | None = None, **options: object) -> CapturedResponse:
    """Invoke with a log that nobody reads."""
    return invoke(handler, settings or Settings(), LogHandler("json", io.StringIO()), InProcessRequest(body, **options))


@pytest.mark.parametrize(
    ("text", "body", "answer"),
    [
        ("def handler(n: int): return n + 1", b"2", b""),
        ("def handler(n: int, m: int = 1): return n + m", b"3", b""),
        ("async def handler(n: int): return n + 1", b"2", b""),
        ("def handler(n: int):\n    yield str(n)", b"1", b""),
        ("async def handler(n: int):\n    yield str(n)", b"1", b""),
        ("class handler:\n    def __call__(self, n: int): return n", b"1", b""),
        ("import functools\ndef f(n: int, m: int): return n * m\nhandler = functools.partial(f, m=5)", b"5", b""),
    ],
)
def test_each_shape_answers(project: Project, text: str, body: bytes, answer: bytes) -> None:
    """The same function of one field in every shape; `body` is what it answers to n = 1."""
    response = call(project.handler(text), b'{"n": 1}', headers=JSON)
    assert (response.status, bytes(response.body)) == (200, b"2" if body == b"3" else body)


def test_an_asgi_application_answers_for_itself(project: Project) -> None:
    """A FastAPI application gets the request as it is, its lifespan run before."""
    text = """
import contextlib, fastapi
@contextlib.asynccontextmanager
async def lifespan(app):
    app.state.ready = True
    yield
handler = fastapi.FastAPI(lifespan=lifespan)
@handler.get("/items/{name}")
def item(name: str, n: int = 0): return {"name": name, "n": n, "ready": handler.state.ready}
"""
    response = call(project.handler(text), method="GET", path="/items/a%20b?n=3")
    assert (response.status, json.loads(bytes(response.body))) == (200, {"name": "a b", "n": 3, "ready": True})


def test_a_wsgi_application_answers_for_itself(project: Project) -> None:
    """A Flask application, with method, path, query and body."""
    text = """
import flask
handler = flask.Flask("app")
@handler.post("/<name>")
def post(name): return {"name": name, "q": flask.request.args["q"], "json": flask.request.json}
"""
    response = call(project.handler(text), b'{"a": 1}', path="/x?q=1", headers=JSON)
    assert (response.status, json.loads(bytes(response.body))) == (200, {"name": "x", "q": "1", "json": {"a": 1}})


def test_init_and_close_run_around_the_call(project: Project) -> None:
    """init before, close after, each once; async ones too."""
    handler = project.handler(
        "LOG = []\nasync def init(n: int): LOG.append(n)\nasync def close(): LOG.append('closed')\n"
        "def handler(): return LOG"
    )
    assert bytes(call(handler, settings=Settings(init={"n": 1})).body) == b"[1]"
    assert handler.loaded.module.LOG == [1, "closed"]


@pytest.mark.parametrize("text", ["def init(): raise KeyError('x')", "async def init(): raise KeyError('x')"])
def test_an_init_that_raises_is_an_error(project: Project, text: str) -> None:
    """With the user's traceback alone."""
    with pytest.raises(InitError, match="init of handler raised KeyError") as caught:
        call(project.handler(text + "\ndef handler(): ..."))
    assert "main.py" in caught.value.cause
    assert "startup.py" not in caught.value.cause


def test_any_body_reaches_an_event(project: Project) -> None:
    """A handler without a payload of its own takes any media type."""
    handler = project.handler("def handler(event): return [event.content_type, event.size, event.path]")
    response = call(handler, b"\x89PNG", headers=(("content-type", "image/png"),), path="a%20b")
    assert json.loads(bytes(response.body)) == ["image/png", 4, "/a b"]


def test_the_runtimes_own_routes_are_not_there(project: Project) -> None:
    """Without a server there is nothing to be ready; the answer is a problem document."""
    response = call(project.handler("def handler(): ..."), path="/_/ready")
    assert (response.status, response.headers["content-type"]) == (404, "application/problem+json")


def test_every_bad_field_is_in_the_answer(project: Project) -> None:
    """A 422 names each field."""
    response = call(project.handler("def handler(a: int, b: str): ..."), b'{"a": "x", "c": 1}', headers=JSON)
    assert response.status == 422
    assert [error["field"] for error in json.loads(bytes(response.body))["errors"]] == ["a", "b", "c"]

"""The routes of the page below `/_/`: the page, its files, and the request that a filled form stands for."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from importlib import resources
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, Router

from ...function.handler import Handler
from ..call import Receive, Scope, Send
from ..problem_details import problem_response
from .call_form import CallForm, choose_form
from .call_plan import CallPlan, ChosenFile, plan_call
from .page_html import render_page
from .snippets import format_curl, format_python

_MOST_BYTES = 256 * 1024  # of a filled form, without its files
_SCRIPT = "text/javascript; charset=utf-8"
_FILES = {
    "page.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    **dict.fromkeys(("page.js", "views.js", "elements.js"), _SCRIPT),
}
# `blob:` and `data:` are pictures, sounds and films of answers, which the script has made of bytes that it got
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


class FilledForm(msgspec.Struct):
    """A form as it was filled: `fields` are names and texts in their order, `files` names of files by field.

    `base` is the URL of the service as the browser has it, `token` says whether a token is sent.
    """

    fields: list[tuple[str, str]]
    base: str
    files: dict[str, list[str]] = {}
    accept: str = ""
    token: bool = False


def make_page_app(handler: Handler, methods: tuple[str, ...], *, public: bool) -> Router:
    """Return the application of the page of a handler.

    `methods`: those that the service takes, empty for all. `public`: whether metrics and contract are at this port.
    """
    form = choose_form(handler, methods)

    async def page(_: Request) -> Response:
        return HTMLResponse(
            render_page(handler, form, public=public), headers={**_HEADERS, "cache-control": "no-store"}
        )

    async def plan(request: Request) -> Response:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json":  # which a page of another site cannot send without being asked for
            return _refuse(415, "a filled form is application/json, as the script of the page sends it")
        body = await _read_body(request)
        if body is None:
            return _refuse(413, f"the form has more than {_MOST_BYTES} bytes")
        return await run_in_threadpool(_answer_plan, form, body)  # calls and probes go on meanwhile

    files = [Route(f"/_/page/{name}", _make_file_route(name, media)) for name, media in _FILES.items()]
    routes = [Route("/_/", page), *files, Route("/_/page/plan", plan, methods=["POST"])]
    return Router(routes, redirect_slashes=False, default=_send_missing)


async def _send_missing(_: Scope, __: Receive, send: Send) -> None:
    """Answer a path that the page does not have."""
    reply = problem_response(404, f"the page has {', '.join(_FILES)} below /_/page/")
    await send({"type": "http.response.start", "status": 404, "headers": reply.headers})
    await send({"type": "http.response.body", "body": reply.body})


def _make_file_route(name: str, media: str) -> Callable[[Request], Any]:
    """Return the route of a file of the package, which a browser may keep for as long as it asks whether it changed."""

    async def file(request: Request) -> Response:
        content = resources.files(__package__).joinpath("static").joinpath(name).read_bytes()
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {**_HEADERS, "etag": tag, "cache-control": "no-cache"}
        known = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
        if tag in known or "*" in known:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=media, headers=headers)

    return file


async def _read_body(request: Request) -> bytes | None:
    """Return the body of a request, None where it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            return None
    return bytes(body)


def _answer_plan(form: CallForm, body: bytes) -> Response:
    """Return the request that a filled form stands for, or what is wrong with its fields."""
    try:
        filled = msgspec.json.decode(body, type=FilledForm)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _refuse(400, "the body is not a filled form, as the script of the page sends it")
    mark = f"file-{secrets.token_hex(8)}"
    call, errors = plan_call(form, filled.fields, filled.files, mark)
    content = {"errors": errors} if call is None else _describe_plan(call, filled)
    return JSONResponse(content, headers=_HEADERS)


def _describe_plan(call: CallPlan, filled: FilledForm) -> dict[str, Any]:
    """Return the request and its lines for the script. Parts that are files are named by their fields."""
    headers = {"accept": filled.accept} if filled.accept else {}
    content = call.content
    base = filled.base if filled.base.startswith(("http://", "https://")) else "http://localhost:8080/"
    return {
        "errors": {},
        "method": call.method,
        "path": call.path,
        "headers": {**call.headers, **headers},
        "text": content if isinstance(content, str) else None,
        "file": content.field if isinstance(content, ChosenFile) else None,
        "parts": [_describe_part(*part) for part in content] if isinstance(content, list) else None,
        "encoded": {placeholder: part.field for placeholder, part in call.encoded.items()},
        "curl": format_curl(call, base, headers, token=filled.token),
        "python": format_python(call, base, headers, token=filled.token),
    }


def _describe_part(name: str, value: str | ChosenFile) -> dict[str, str]:
    return {"name": name, "text": value} if isinstance(value, str) else {"name": name, "file": value.field}


def _refuse(status: int, detail: str) -> Response:
    reply = problem_response(status, detail)
    return Response(reply.body, status, {**_HEADERS, "content-type": "application/problem+json"})

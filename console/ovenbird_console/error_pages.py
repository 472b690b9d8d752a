"""Errors as pages: what went wrong, and what to do about it."""

from __future__ import annotations

from typing import cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ovenbird.errors import ArgumentsError, InputError, OvenbirdError, PlatformError, SettingsError

from .rendering import render

_STATUS: tuple[tuple[type[OvenbirdError], int], ...] = (
    (InputError, 404), (ArgumentsError, 422), (SettingsError, 400), (PlatformError, 503),
)  # fmt: skip


def make_error_page(request: Request, status: int, title: str, text: str, *, bare: bool = False) -> Response:
    """Return a page that says what went wrong; `bare`: without navigation, for those who may see no page."""
    return render(request, "error.html", status_code=status, title=title, text=text, bare=bare)


def answer_error(request: Request, error: Exception) -> Response:
    """Return the page of an error of Ovenbird: its message and its hint."""
    error = cast(OvenbirdError, error)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 400)
    return make_error_page(request, status, error.message, error.hint)


def answer_http_error(request: Request, error: Exception) -> Response:
    """Return the page of an error of HTTP, such as an unknown path."""
    error = cast(HTTPException, error)
    titles = {404: "There is no such page", 405: "This page cannot be changed in this way"}
    advice = "Nothing was changed. The browser goes back to what was typed." if request.method == "POST" else ""
    return make_error_page(request, error.status_code, titles.get(error.status_code, error.detail), advice)


def answer_unexpected(request: Request, error: Exception) -> Response:
    """Return the page of a fault of ours; the server writes the traceback to the terminal."""
    return make_error_page(
        request, 500, "This page failed", f"{type(error).__name__}: the terminal of `ovenbird ui` shows the traceback."
    )

"""The first page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse


def show_home(_: Request) -> RedirectResponse:
    """Go to the functions."""
    return RedirectResponse("/functions", status_code=303)

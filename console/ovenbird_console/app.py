"""The application: routes, security, errors as pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ovenbird.errors import OvenbirdError

from .console import Console
from .error_pages import answer_error, answer_http_error, answer_unexpected
from .routes import ROUTES
from .security import SecurityMiddleware

STATIC = Path(__file__).parent / "static"


def make_app(console: Console) -> ASGIApp:
    """Return the application of one page. The security lies outermost: errors of the rest have its headers too."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        console.clean_uploads()
        yield
        console.close()

    app = Starlette(
        routes=[*ROUTES, Mount("/static", StaticFiles(directory=STATIC), name="static")],
        exception_handlers={
            OvenbirdError: answer_error, HTTPException: answer_http_error, Exception: answer_unexpected,
        },
        lifespan=lifespan,
    )  # fmt: skip
    app.state.console = console
    return SecurityMiddleware(app, console)

"""The page of all functions: those of the project, and those in the files below the start folder."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..console import get_console
from ..function_index import list_functions
from ..rendering import render


def show_functions(request: Request) -> Response:
    """Show each function with its last run."""
    console = get_console(request)
    with console.stores.borrow() as store:
        store.reap()
        entries = list_functions(store, console.folder)
        location = store.location()
    text = request.query_params.get("q", "").strip().lower()
    if text:
        entries = [entry for entry in entries if text in f"{entry.name} {entry.target} {entry.summary}".lower()]
    return render(request, "functions.html", entries=entries, q=text, folder=str(console.folder), location=location)


ROUTES = [Route("/functions", show_functions)]

"""The page of all runs, newest first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ovenbird.errors import InputError
from ovenbird.platform.keys import parse_key
from ovenbird.platform.queries import list_rows
from ovenbird.platform.store import STATES

from ..console import get_console
from ..rendering import render

_PAGE = 50
_MOST = 1000  # rows on one page


def show_runs(request: Request) -> Response:
    """Show the newest runs, of a state or a project if one is asked for; one query of the store."""
    query = request.query_params
    limit = min(int(query["limit"]), _MOST) if query.get("limit", "").isdecimal() else _PAGE
    state, project = query.get("state") or None, query.get("project") or None
    with get_console(request).stores.borrow() as store:
        store.reap()
        rows = list_rows(store, "run", project=project, state=state, limit=limit + 1)
        location = store.location()
    more = len(rows) > limit
    runs = [(row, function_name(row.function)) for row in rows[:limit]]
    return render(
        request, "runs.html", runs=runs, states=STATES, state=state, project=project, location=location,
        more=min(limit + 4 * _PAGE, _MOST) if more and limit < _MOST else 0, truncated=more,
    )  # fmt: skip


def function_name(key: str | None) -> str:
    """Return the name of a function from its key; what is no key comes back as it is."""
    try:
        return parse_key(key).name if key else ""
    except InputError:
        return key or ""


ROUTES = [Route("/runs", show_runs)]

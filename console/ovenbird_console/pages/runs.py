"""The page of all runs, newest first; those of a sweep that follow each other are one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby, islice

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ovenbird.platform.entities.run_summary import get_run_name
from ovenbird.platform.queries import parse_state
from ovenbird.platform.store import STATES, EntitySummary, Record

from ..console import get_console
from ..links import find_function
from ..record_fields import summarize_run
from ..rendering import render
from ..sweep_runs import find_sweep, link_to_sweep

_PAGE = 50
_MOST = 500  # runs on one page


@dataclass
class RunRow:
    """A run, or those of a sweep: `run` is the newest of them, `path` leads to the sweep."""

    run: EntitySummary
    function: str
    name: str = ""
    path: str = ""
    states: Counter[str] = field(default_factory=Counter)


def show_runs(request: Request) -> Response:
    """Show the newest runs, of a state or a project if one is asked for; one query of the store."""
    query = request.query_params
    digits = query.get("limit", "")
    limit = _PAGE if not digits.isdecimal() else min(int(digits), _MOST) if len(digits) < 6 else _MOST
    state, project = parse_state(query.get("state") or None), query.get("project") or None
    with get_console(request).stores.borrow() as store:
        store.reap()
        records = list(islice(store.iterate_records("run", project=project, state=state), limit + 1))
        location = store.location()
    more = len(records) > limit
    return render(
        request, "runs.html", rows=group_runs(records[:limit]), states=STATES, state=state, project=project,
        location=location, more=min(limit + 4 * _PAGE, _MOST) if more and limit < _MOST else 0, truncated=more,
    )  # fmt: skip


def group_runs(records: Iterable[Record]) -> list[RunRow]:
    """Return a row for each run, and one for the runs of a sweep that follow each other."""
    rows = []
    for (project, sweep), members in groupby(records, lambda record: (record["project"], find_sweep(record))):
        runs = list(members)
        if sweep and len(runs) > 1:
            rows.append(_make_row(runs[0]))
            rows[-1].path, rows[-1].name = link_to_sweep(project, sweep), sweep
            rows[-1].states = Counter(str(run["status"].get("state")) for run in runs)
        else:
            rows += map(_make_row, runs)
    return rows


def _make_row(record: Record) -> RunRow:
    run = summarize_run(record)
    return RunRow(run, function_name(run.function), get_run_name(record))


def function_name(key: str | None) -> str:
    """Return the name of a function from its key; what is no key comes back as it is."""
    function = find_function(key)
    return function.name if function else key or ""


ROUTES = [Route("/runs", show_runs)]

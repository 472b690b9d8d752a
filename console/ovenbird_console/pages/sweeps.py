"""The page of a sweep: its runs as a live table; stop it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ovenbird.errors import InputError
from ovenbird.platform.data_dir import backend_name
from ovenbird.platform.keys import check_name
from ovenbird.platform.store import FINAL

from ..console import Console, get_console
from ..events import Event, stream_events
from ..rendering import render
from ..run_logs import read_log_file
from ..sweep_runs import MAX_ROWS, SEARCH_LIMIT, find_runs, link_to_sweep, make_table
from ..tasks import Task
from .runs import function_name


def show_sweep(request: Request) -> Response:
    """Show the runs of a sweep among the newest of its project. Errors: InputError for one that is not known."""
    return render(request, "sweep.html", **_describe_sweep(request))


def show_sweep_body(request: Request) -> Response:
    """Show the part of the page that changes while the sweep goes on."""
    return render(request, "sweep_body.html", **_describe_sweep(request))


def _describe_sweep(request: Request) -> dict[str, Any]:
    console = get_console(request)
    project, identity = _read_path(request)
    task = console.tasks.find_sweep(identity)
    with console.stores.borrow() as store:
        store.reap()
        records = find_runs(store, project, identity, task.total if task else 0)
        is_slow = backend_name(console.environ.get("OVENBIRD_PLATFORM", ""), console.environ) == "core"
        table = make_table(store, records, task.total if task else 0, is_slow=is_slow)
    if not records and task is None:
        raise InputError(
            f"the newest {SEARCH_LIMIT:,} runs of the project {project} have none of the sweep {identity}",
            hint="`ovenbird runs list --where sweep=ID` looks through all",
        )
    state = _find_state(task.state if task else "", [str(record["status"].get("state")) for record in records])
    function = records[0]["spec"].get("function") if records else None
    has_failed = task is not None and task.state == "ERROR" and len(records) < task.total  # and no run says why
    log = _explain_end(task) if task and has_failed else ""
    return {
        "project": project, "sweep": identity, "task": task, "table": table, "state": state, "function": function,
        "function_name": function_name(function) or (task.target if task else ""), "log": log,
        "path_of_sweep": link_to_sweep(project, identity), "shown": MAX_ROWS, "searched": SEARCH_LIMIT,
        "started": min((row["started"] for row in table.rows if row["started"]), default=""),
        "ended": "" if state == "RUNNING" else max((row["ended"] for row in table.rows if row["ended"]), default=""),
    }  # fmt: skip


def _explain_end(task: Task) -> str:
    """Return the end of the log of a sweep's process, and its status: one that was killed has said nothing."""
    text = read_log_file(task.log, has_ended=True).text
    return f"{text}The process of the sweep ended with status {task.process.poll()}.\n"


def _find_state(task: str, states: list[str]) -> str:
    """Return the state of a sweep: that of its process where it is known, else as its runs have it."""
    if task == "RUNNING" or any(state not in FINAL for state in states):
        return "RUNNING"
    if task == "STOPPED":
        return task
    return next((state for state in ("ERROR", "STOPPED") if state in states), task or "COMPLETED")


def _read_path(request: Request) -> tuple[str, str]:
    return check_name(request.path_params["project"], "project"), check_name(request.path_params["id"])


def stream_sweep(request: Request) -> Response:
    """Send `change` when a run has begun or ended, until all have ended."""
    return stream_events(_Follower(get_console(request), *_read_path(request)).look)


class _Follower:
    """Looks at a sweep again and again."""

    def __init__(self, console: Console, project: str, identity: str) -> None:
        self._console, self._project, self._identity = console, project, identity
        self._mark: object = None

    def look(self) -> Iterator[Event]:
        """Yield what has changed since the last look."""
        task = self._console.tasks.find_sweep(self._identity)
        process = task.state if task else ""
        with self._console.stores.borrow() as store:
            store.reap()
            records = find_runs(store, self._project, self._identity, task.total if task else 0)
        states = [record["status"].get("state") for record in records]
        mark = (process, states)
        if mark != self._mark:
            self._mark = mark
            yield Event("change")
        if process != "RUNNING" and all(state in FINAL for state in states):
            yield Event("end")


def stop_sweep(request: Request) -> Response:
    """Stop all runs of a sweep that this page has started, and go back to it. Errors: InputError for another one."""
    project, identity = _read_path(request)
    tasks = get_console(request).tasks
    task = tasks.find_sweep(identity)
    if task is None:
        raise InputError("this page has not started the sweep", hint="stop it where it was started, or its runs")
    tasks.stop(task.id)
    return RedirectResponse(link_to_sweep(project, identity), status_code=303)


ROUTES = [
    Route("/sweeps/{project}/{id}", show_sweep),
    Route("/sweeps/{project}/{id}/body", show_sweep_body),
    Route("/sweeps/{project}/{id}/events", stream_sweep),
    Route("/sweeps/{project}/{id}/stop", stop_sweep, methods=["POST"]),
]

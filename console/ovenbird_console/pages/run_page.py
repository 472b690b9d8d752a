"""The page of one run."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ovenbird.platform.keys import EntityKey, check_id, check_name
from ovenbird.platform.queries import read_shown_record
from ovenbird.platform.store import FINAL

from ..console import get_console
from ..rendering import render
from .runs import function_name


def find_run_key(request: Request) -> EntityKey:
    """Return the key of the run that the path names. Errors: InputError."""
    project, identity = request.path_params["project"], request.path_params["id"]
    return EntityKey(check_name(project, "project"), "run", "", identity, check_id(identity))


def show_run(request: Request) -> Response:
    """Show all that is recorded of a run."""
    console, key = get_console(request), find_run_key(request)
    with console.stores.borrow() as store:
        record = read_shown_record(store, key, console.environ)
    return render(request, "run.html", **describe_run(record))


def describe_run(record: dict[str, Any]) -> dict[str, Any]:
    """Return what the template of a run shows."""
    spec, status, metadata = record["spec"], record["status"], record["metadata"]
    name = metadata.get("name")
    function = spec.get("function")
    return {
        "record": record, "status": status, "function": function, "function_name": function_name(function),
        "name": name if name and name not in ("run", record["id"]) else "",
        "parameters": status.get("parameters") or spec.get("parameters") or {},
        "is_final": status.get("state") in FINAL,
    }  # fmt: skip


ROUTES = [Route("/runs/{project}/{id}", show_run)]

"""The page of one function: its contract, source, revisions and runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ovenbird.common.redact import mask_record
from ovenbird.errors import InputError, OvenbirdError
from ovenbird.platform.keys import EntityKey, check_id, check_name
from ovenbird.platform.store import EntityStore

from ..console import Console, get_console
from ..contracts import parse_target
from ..function_index import find_entry, find_runs_of, find_target_of
from ..rendering import render

_LONGEST = 200_000  # characters of a source that is shown
_REVISIONS = 30


class FunctionView(NamedTuple):
    """What a page of a function is about: its name, its project in the store, its target on this machine, a record."""

    name: str
    project: str
    target: str
    record: dict[str, Any] | None = None


def show_target(request: Request) -> Response:
    """Show a function in a file, and what the store knows of its name."""
    console, text = get_console(request), request.query_params.get("target", "")
    entry = find_entry(console.folder, text)
    with console.stores.borrow() as store:
        rows = store.list_summaries("function", name=entry.name, limit=1)
        project = rows[0].project if rows else ""
        return _render(request, store, FunctionView(entry.name, project, text))


def show_recorded(request: Request) -> Response:
    """Show a function of the store, in its newest revision or the one that is asked for."""
    console = get_console(request)
    project = check_name(request.path_params["project"], "project")
    name = check_name(request.path_params["name"], "name")
    revision = request.query_params.get("revision") or None
    with console.stores.borrow() as store:
        record = store.read(EntityKey(project, "function", "", name, check_id(revision) if revision else None))
        text = find_target_of(record, console.folder)
        return _render(request, store, FunctionView(name, project, text, mask_record(record)))


def _render(request: Request, store: EntityStore, view: FunctionView) -> Response:
    name, project, text, record = view
    revisions = store.list_summaries("function", project=project, name=name, limit=_REVISIONS) if project else []
    if record is None and revisions:
        record = mask_record(store.read(EntityKey(project, "function", "", name, revisions[0].id)))
    return render(
        request, "function.html", name=name, project=project, target=text, record=record, revisions=revisions,
        runs=find_runs_of(store, project, name) if project else [], query=f"target={quote(text, safe='')}",
        location=store.location(), **read_source(get_console(request), text, record),
    )  # fmt: skip


def read_source(console: Console, text: str, record: dict[str, Any] | None) -> dict[str, Any]:
    """Return the text of a source, where it lies, and whether it is inline in a document, which can be edited here."""
    source: dict[str, Any] = {"code": "", "file": "", "is_inline": False}
    if not text:
        return {**source, "code": str(((record or {}).get("spec") or {}).get("source", {}).get("code") or "")}
    try:
        target = parse_target(text, console.folder)
    except OvenbirdError:
        return source
    if target.function is not None and target.function.code is not None:
        return {"code": target.function.code, "file": str(target.function.root), "is_inline": True}
    path = target.root.joinpath(*target.module.split(".")).with_suffix(".py")
    return {**source, "code": _read_text(path), "file": str(path)}


def _read_text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST)
    except OSError:
        return ""


def show_contract(request: Request) -> Response:
    """Show the contract of a target: a part of its page, which waits for the import of the user's code."""
    text = request.query_params.get("target", "")
    if not text:
        raise InputError("no target is named")
    try:
        contract = get_console(request).contracts.read(text)
    except OvenbirdError as error:
        contract = {"error": {"message": error.message, "hint": error.hint, "traceback": error.cause}}
    return render(request, "contract.html", contract=contract)


ROUTES = [
    Route("/function", show_target),
    Route("/function/contract", show_contract),
    Route("/functions/{project}/{name}", show_recorded),
]

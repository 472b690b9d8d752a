"""The page of one run: all that is recorded, live while it goes on; stop it, or run it again with changes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from ovenbird.errors import InputError
from ovenbird.platform.keys import EntityKey, check_id, check_name
from ovenbird.platform.queries import read_shown_record
from ovenbird.platform.store import FINAL

from ..charts import split_metrics
from ..console import Console, get_console
from ..events import Event, read_start, stream_events
from ..rendering import render
from ..run_logs import TAIL, open_log, read_log
from ..sweep_runs import find_sweep, link_to_sweep
from .runs import function_name


def find_run_key(request: Request) -> EntityKey:
    """Return the key of the run that the path names. Errors: InputError."""
    project, identity = request.path_params["project"], request.path_params["id"]
    return EntityKey(check_name(project, "project"), "run", "", identity, check_id(identity))


def show_run(request: Request) -> Response:
    """Show all that is recorded of a run, with the end of its log."""
    console, key = get_console(request), find_run_key(request)
    with console.stores.borrow() as store:
        store.reap()
        record = read_shown_record(store, key, console.environ)
        log = read_log(store, key.project, key.name, has_ended=record["status"].get("state") in FINAL)
        location, is_logged = store.location(), store.log_file(key.project, key.name) is not None
    is_logged = is_logged or not record["spec"].get("local_execution")
    return render(
        request,
        "run.html",
        log=log,
        skipped=log.skipped,
        location=location,
        is_logged=is_logged,
        **describe_run(record),
    )


def show_run_body(request: Request) -> Response:
    """Show the part of the page that changes while the run goes on, but its log."""
    console, key = get_console(request), find_run_key(request)
    with console.stores.borrow() as store:
        record = read_shown_record(store, key, console.environ)
    return render(request, "run_body.html", **describe_run(record))


def describe_run(record: dict[str, Any]) -> dict[str, Any]:
    """Return what the templates of a run show."""
    spec, status, metadata = record["spec"], record["status"], record["metadata"]
    name, function = metadata.get("name"), spec.get("function")
    numbers, curves = split_metrics(status.get("metrics") or {})
    error = status.get("error") if isinstance(status.get("error"), dict) else {}
    sweep = find_sweep(record)
    path = f"/runs/{quote(record['project'], safe='')}/{quote(record['id'], safe='')}"
    return {
        "record": record, "status": status, "path_of_run": path, "function": function,
        "function_name": function_name(function), "labels": metadata.get("labels") or [],
        "name": name if name and name not in ("run", record["id"]) else "", "note": metadata.get("description") or "",
        "parameters": status.get("parameters") or spec.get("parameters") or {}, "inputs": spec.get("inputs") or {},
        "numbers": numbers, "curves": curves, "traceback": error.get("traceback") or "",
        "is_final": status.get("state") in FINAL, "like": f"{record['project']}/{record['id']}",
        "sweep": sweep, "path_of_sweep": link_to_sweep(record["project"], sweep) if sweep else "",
        "launch": status.get("launch") or {}, "provenance": status.get("provenance") or {},
    }  # fmt: skip


def stream_run(request: Request) -> Response:
    """Send the log as it grows, and `change` when anything else does, until the run has ended."""
    console, key = get_console(request), find_run_key(request)
    return stream_events(_Follower(console, key, read_start(request)).look)


class _Follower:
    """Looks at a run again and again. `start` is where the log goes on."""

    def __init__(self, console: Console, key: EntityKey, start: int | None) -> None:
        self._console, self._key, self._start = console, key, start
        self._mark: object = None

    def look(self) -> Iterator[Event]:
        """Yield what has changed since the last look."""
        with self._console.stores.borrow() as store:
            store.reap()
            try:
                record = store.read(self._key)
            except InputError:  # it was removed meanwhile
                yield Event("change")
                yield Event("end")
                return
            has_ended = record["status"].get("state") in FINAL
            part = read_log(store, self._key.project, self._key.name, self._start, has_ended=has_ended)
        self._start = part.end
        if part.text:
            yield Event("log", part.text, part.end)
        status = record["status"]
        metrics = status.get("metrics") or {}
        mark = (status.get("state"), sum(len(m) if isinstance(m, list) else 1 for m in metrics.values()),
                len(status.get("outputs") or {}), len(status.get("results") or {}), status.get("started"))  # fmt: skip
        is_first, is_changed, self._mark = self._mark is None, mark != self._mark, mark
        is_final = has_ended and not part.text
        if (is_changed and not is_first) or is_final:
            yield Event("change")
        if is_final:
            yield Event("end")


def stop_run(request: Request) -> Response:
    """Ask the run to stop, and go back to it. Errors: PlatformError where its process cannot be reached."""
    console, key = get_console(request), find_run_key(request)
    with console.stores.borrow() as store:
        store.stop(store_key(store.read(key)))
    return RedirectResponse(request.url.path.removesuffix("/stop"), status_code=303)


def store_key(record: dict[str, Any]) -> EntityKey:
    """Return the whole key of a run."""
    return EntityKey(record["project"], "run", record["kind"], record["id"], record["id"])


def download_log(request: Request) -> Response:
    """Send the whole log as a file, as it was written."""
    console, key = get_console(request), find_run_key(request)
    with console.stores.borrow() as store:
        path = store.log_file(key.project, key.name) if store.has_log_files else None
        lines = [] if path else list(store.log_lines(key.project, key.name))
    name = f"{key.name}.log"
    if path is None:
        disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response("".join(lines), media_type="text/plain; charset=utf-8", headers=disposition)
    return _send_file(path, name)


def _send_file(path: Path, name: str) -> Response:
    """Return what a log file has now, which may grow while it is sent. Errors: InputError."""
    try:
        handle = open_log(path)
    except FileNotFoundError:
        raise InputError("this run has no log") from None
    except OSError as error:
        raise InputError(f"the log of this run cannot be sent: {error.strerror or error}") from None
    size = os.fstat(handle).st_size
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(size)}
    pieces = _read_pieces(open(handle, "rb"), size)  # noqa: PTH123, SIM115  # closed by the reader
    return StreamingResponse(pieces, media_type="text/plain; charset=utf-8", headers=headers)


def _read_pieces(log: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield at most `size` bytes of a file, and close it."""
    with log:
        while size > 0 and (data := log.read(min(size, TAIL))):
            size -= len(data)
            yield data


ROUTES = [
    Route("/runs/{project}/{id}", show_run),
    Route("/runs/{project}/{id}/body", show_run_body),
    Route("/runs/{project}/{id}/events", stream_run),
    Route("/runs/{project}/{id}/stop", stop_run, methods=["POST"]),
    Route("/runs/{project}/{id}/log", download_log),
]

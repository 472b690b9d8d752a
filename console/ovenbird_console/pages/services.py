"""Services that run on this machine, and the page of a service or a build that was started here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ovenbird.errors import InputError

from ..builds import read_build
from ..console import get_console
from ..contracts import parse_target
from ..events import Event, read_start, stream_events
from ..local_services import find_services, stop_service
from ..rendering import render
from ..run_logs import read_log_file
from ..tasks import Task

_DIGITS = 9  # of the number of a process


def show_services(request: Request) -> Response:
    """Show the services that were started here, and others of this user."""
    tasks = get_console(request).tasks.list_tasks("serve")
    others = find_services({task.process.pid for task in tasks})
    return render(request, "services.html", tasks=tasks, others=others)


async def start_service(request: Request) -> Response:
    """Serve a target on a free port of this machine, and go to its page."""
    async with request.form() as form:
        text = str(form.get("target") or "")
    console = get_console(request)
    await run_in_threadpool(parse_target, text, console.folder)  # what is wrong with it is said at once
    flags = ("--host", "127.0.0.1", "--port", "0")
    task = await run_in_threadpool(console.tasks.start, "serve", text, flags)
    return RedirectResponse(f"/tasks/{task.id}", status_code=303)


def show_task(request: Request) -> Response:
    """Show a service or a build with its log."""
    task = get_console(request).tasks.find(request.path_params["id"])
    log = read_log_file(task.log, has_ended=task.state != "RUNNING")
    return render(request, "task.html", log=log, **_describe_task(task))


def show_task_body(request: Request) -> Response:
    """Show the part of the page that changes, but the log."""
    task = get_console(request).tasks.find(request.path_params["id"])
    return render(request, "task_body.html", **_describe_task(task))


def _describe_task(task: Task) -> dict[str, Any]:
    """Return the values of the templates: the task, what a build has come to, an example of a call of a service."""
    example = f"curl {task.address}" if task.address and task.state == "RUNNING" else ""
    return {"task": task, "build": read_build(task) if task.kind == "build" else None, "example": example}


def stream_task(request: Request) -> Response:
    """Send the log as it grows, and `change` when the state or the address does."""
    task = get_console(request).tasks.find(request.path_params["id"])
    position = read_start(request) or 0
    mark = ("RUNNING", "", "")

    def look() -> Iterator[Event]:
        nonlocal position, mark
        state, address, run = task.state, task.address, task.run_key
        part = read_log_file(task.log, position, has_ended=state != "RUNNING")
        position = part.end
        if part.text:
            yield Event("log", part.text, part.end)
        is_next_stage = task.kind == "build" and "\n> " in f"\n{part.text}"
        if (state, address, run) != mark or is_next_stage:
            mark = (state, address, run)
            yield Event("change")
        if state != "RUNNING" and not part.text:
            yield Event("end")

    return stream_events(look)


def stop_task(request: Request) -> Response:
    """Ask a service or a build to end, and go back to it."""
    get_console(request).tasks.stop(request.path_params["id"])
    return RedirectResponse(request.url.path.removesuffix("/stop"), status_code=303)


async def stop_other(request: Request) -> Response:
    """Ask a service that somebody else has started to end, and go back to the list."""
    async with request.form() as form:
        text = str(form.get("pid") or "")
    if not text.isascii() or not text.isdecimal() or len(text) > _DIGITS:
        raise InputError("no process is named", hint=f"its number has {_DIGITS} digits at most")
    await run_in_threadpool(stop_service, int(text))
    return RedirectResponse("/services", status_code=303)


ROUTES = [
    Route("/services", show_services),
    Route("/services/stop", stop_other, methods=["POST"]),
    Route("/services/start", start_service, methods=["POST"]),
    Route("/tasks/{id}", show_task),
    Route("/tasks/{id}/body", show_task_body),
    Route("/tasks/{id}/events", stream_task),
    Route("/tasks/{id}/stop", stop_task, methods=["POST"]),
]

"""Images of functions on this machine, and builds that were started here."""

from __future__ import annotations

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ovenbird.errors import OvenbirdError

from ..console import get_console
from ..function_index import find_entry
from ..local_images import list_images
from ..rendering import render


def show_images(request: Request) -> Response:
    """Show what was built, and the builds of this page."""
    console = get_console(request)
    problem = ""
    try:
        images = list_images(console.environ)
    except OvenbirdError as error:
        images, problem = [], error.message
    builds = console.tasks.list_tasks("build")
    return render(request, "images.html", images=images, problem=problem, builds=builds)


async def start_build(request: Request) -> Response:
    """Build the image of a target into the local store, and go to the page of the build."""
    async with request.form() as form:
        text = str(form.get("target") or "")
    console = get_console(request)
    entry = await run_in_threadpool(find_entry, console.folder, text)
    tag = f"localhost/{re.sub(r'[^a-z0-9._-]+', '-', entry.name.lower()).strip('-._') or 'function'}:latest"
    task = await run_in_threadpool(console.tasks.start, "build", text, ("--tag", tag))
    return RedirectResponse(f"/tasks/{task.id}", status_code=303)


ROUTES = [Route("/images", show_images), Route("/images/build", start_build, methods=["POST"])]

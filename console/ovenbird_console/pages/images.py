"""Images of functions on this machine, one image with its layers and packages, and builds that were started here."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ovenbird.errors import OvenbirdError

from ..console import get_console
from ..function_index import find_entry
from ..image_facts import check_name, find_build_problem, find_images, list_packages, read_facts
from ..local_images import list_images, make_image_name
from ..rendering import render


def show_images(request: Request) -> Response:
    """Show what was built, and the builds of this page."""
    console, failure = get_console(request), None
    try:
        images = list_images(console.environ)
    except OvenbirdError as error:
        images, failure = [], error
    builds = console.tasks.list_tasks("build")
    return render(request, "images.html", images=images, failure=failure, builds=builds)


def show_image(request: Request) -> Response:
    """Show the page of one image; its parts come by themselves, as a registry may take its time."""
    name = check_name(request.query_params.get("name", ""))
    return render(request, "image.html", name=name, title=name.removeprefix("containers-storage:"))


def show_facts(request: Request) -> Response:
    """Show what `ovenbird inspect` knows of an image: a part of its page."""
    name, facts, failure = check_name(request.query_params.get("name", "")), None, None
    try:
        facts = read_facts(name, get_console(request).environ)
    except OvenbirdError as error:
        failure = error
    return render(request, "image_facts.html", name=name, facts=facts, failure=failure)


def show_packages(request: Request) -> Response:
    """Show the packages in an image: a part of its page."""
    name, packages, failure = check_name(request.query_params.get("name", "")), None, None
    try:
        packages = list_packages(name, get_console(request).environ)
    except OvenbirdError as error:
        failure = error
    return render(request, "image_packages.html", packages=packages, failure=failure)


def show_function_image(request: Request) -> Response:
    """Show the image of a function, with its layers and why they were made again: a part of the function's page."""
    query, environ = request.query_params, get_console(request).environ
    failure = function_images = None
    name = query.get("function", "")
    problem = find_build_problem(environ)
    try:
        function_images = find_images(name, environ)
    except OvenbirdError as error:
        failure = error
    return render(
        request,
        "function_image.html",
        name=name,
        target=query.get("target", ""),
        function_images=function_images,
        failure=failure,
        removed_build=function_images.removed_build if function_images else None,
        problem=problem,
        usual_name=make_image_name(name),
    )


async def start_build(request: Request) -> Response:
    """Build the image of a target, and go to the page of the build; one that is going on already is shown."""
    async with request.form() as form:
        text, name, push = str(form.get("target") or ""), str(form.get("name") or ""), bool(form.get("push"))
    console = get_console(request)
    entry = await run_in_threadpool(find_entry, console.folder, text)
    if problem := find_build_problem(console.environ):
        raise problem
    tag = check_name(name) if name.strip() else make_image_name(entry.name)
    flags = (f"--tag={tag}", *(["--push"] if push else []))
    task = await run_in_threadpool(console.tasks.start_build, text, flags)
    return RedirectResponse(f"/tasks/{task.id}", status_code=303)


ROUTES = [
    Route("/images", show_images),
    Route("/images/build", start_build, methods=["POST"]),
    Route("/image", show_image),
    Route("/image/facts", show_facts),
    Route("/image/packages", show_packages),
    Route("/function/image", show_function_image),
]

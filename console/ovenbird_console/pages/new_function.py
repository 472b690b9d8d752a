"""The form of a new function, as the platform has it, and the editor of an inline source."""

from __future__ import annotations

from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ovenbird.errors import InputError, OvenbirdError
from ovenbird.function_document import VERSIONS

from ..console import get_console
from ..contracts import parse_target
from ..function_files import DEFAULTS, make_document, replace_code, write_function
from ..rendering import render

FORMS = (
    ("inline", "Written here"), ("git", "Git repository"), ("http", "Archive at a URL"), ("path", "File or folder"),
)  # fmt: skip


def show_form(request: Request) -> Response:
    """Show the empty form."""
    return render(request, "new_function.html", typed=DEFAULTS, errors={}, forms=FORMS, versions=VERSIONS)


async def create_function(request: Request) -> Response:
    """Write the function's document and go to its page; show the form again where a field does not fit."""
    async with request.form() as form:
        return await run_in_threadpool(_create, request, form)


def _create(request: Request, form: FormData) -> Response:
    console = get_console(request)
    typed = {name: str(form.get(name) or "") for name in DEFAULTS}
    typed |= {
        name: text.strip() for name, text in typed.items() if name not in ("code", "requirements", "instructions")
    }
    document, errors = make_document(typed, console.folder)
    if errors:
        return render(request, "new_function.html", status_code=422, typed=typed, errors=errors, forms=FORMS,
                      versions=VERSIONS)  # fmt: skip
    path = write_function(document, console.folder)
    return RedirectResponse(
        f"/function?target={quote(str(path.relative_to(console.folder)), safe='')}", status_code=303
    )


async def save_source(request: Request) -> Response:
    """Replace the source of an inline function, and go back to its page or on to its form."""
    async with request.form() as form:
        return await run_in_threadpool(_save, request, form)


def _save(request: Request, form: FormData) -> Response:
    console, text = get_console(request), str(form.get("target") or "")
    target = parse_target(text, console.folder)
    if target.function is None or target.function.code is None:
        raise InputError("only a source that is written in the function's document can be edited here")
    try:
        replace_code(console.folder / text, str(form.get("code") or ""), str(form.get("before") or ""))
    except OSError as error:
        raise OvenbirdError(f"the document cannot be written: {error.strerror or error}") from None
    page = "run" if form.get("then") == "run" else "function"
    return RedirectResponse(f"/{page}?target={quote(text, safe='')}", status_code=303)


ROUTES = [
    Route("/new", show_form),
    Route("/new", create_function, methods=["POST"]),
    Route("/function/source", save_source, methods=["POST"]),
]

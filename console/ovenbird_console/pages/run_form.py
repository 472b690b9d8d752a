"""The form that runs a function: a field for each argument by its contract, and the options of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ovenbird.common.redact import mask_parameters
from ovenbird.errors import InputError, OvenbirdError
from ovenbird.page.field import Field, FieldKind
from ovenbird.page.form_html import format_default, render_fields
from ovenbird.page.form_values import FormResult, parse_form
from ovenbird.page.schema_fields import make_fields
from ovenbird.platform.keys import EntityKey, check_id, check_name
from ovenbird.platform.store import EntityStore, Record

from ..console import Console, get_console
from ..contracts import Contract
from ..function_index import find_entry, find_target_of_run
from ..links import link_to
from ..rendering import render
from ..run_options import RunChoices, read_choices
from ..uploads import save_uploads

_OFFERED = 50  # entities that an input offers


@dataclass
class FilledForm:
    """What a form holds when it is shown: texts and errors by field, the options, an error of the whole."""

    target: str
    contract: Contract
    fields: tuple[Field, ...]
    typed: dict[str, list[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    choices: RunChoices = field(default_factory=RunChoices)
    failure: OvenbirdError | None = None


def show_form(request: Request) -> Response:
    """Show the form of a target, with the defaults, or filled as the run that `like` names was."""
    console, query = get_console(request), request.query_params
    text, like = query.get("target", ""), query.get("like", "")
    with console.stores.borrow() as store:
        if like and not text:
            text = find_target_of_run(store, read_run(store, like), console.folder)
            if not text:
                raise InputError("the source of this run's function is not on this machine, so it cannot be run again")
        contract = console.contracts.read(text)
        fields = make_run_fields(contract, store)
        filled = FilledForm(text, contract, fields)
        if like:
            fill_like(store, like, filled)
    return _render(request, filled)


async def submit_form(request: Request) -> Response:
    """Start the run and go to its page; show the form again where a field does not fit."""
    async with request.form(max_files=100) as form:
        return await run_in_threadpool(_start_run, request, form)


def _start_run(request: Request, form: FormData) -> Response:
    console, text = get_console(request), str(form.get("target", ""))
    contract = console.contracts.read(text)
    with console.stores.borrow() as store:
        fields = make_run_fields(contract, store)
    result = parse_form(fields, form.multi_items())
    choices, errors = read_choices(form)
    filled = FilledForm(text, contract, fields, result.typed, {**result.errors, **errors}, choices)
    if not filled.errors:
        try:
            key = run_target(console, text, fields, result, choices)
            return RedirectResponse(link_to(key), status_code=303)
        except OvenbirdError as error:
            filled.failure = error
    return _render(request, filled, status_code=422)


def run_target(
    console: Console, text: str, fields: Iterable[Field], result: FormResult, choices: RunChoices
) -> EntityKey:
    """Start a run in a process of its own, which goes on when the page ends; return its key. Errors: OvenbirdError."""
    inputs = {item.name for item in fields if item.kind is FieldKind.INPUT}
    files = save_uploads(console.folder, result.files)
    from ovenbird.api.function import function  # with it comes what a run needs

    run = function(text).run(
        wait=False, check=False,
        params={name: value for name, value in result.values.items() if name not in inputs},
        inputs={**{name: value for name, value in result.values.items() if name in inputs}, **files},
        name=choices.name, note=choices.note, tags=choices.tags or None, timeout=choices.timeout or None,
        project=choices.project, env=choices.variables or None, reuse=choices.reuse,
    )  # fmt: skip
    return EntityKey(run.project, "run", run.kind, run.id, run.id)


def make_run_fields(contract: Contract, store: EntityStore) -> tuple[Field, ...]:
    """Return the fields of a job's arguments; inputs offer the newest entities. Errors: InputError for a broken one."""
    if error := contract.get("error"):
        raise InputError(f"the function cannot be loaded: {error['message']}", hint=str(error.get("hint") or ""))
    taken = contract["job"]["arguments"]
    inputs = {name for name, kind in taken.items() if kind == "input"}
    schema = {**contract["schema"], "properties": {
        name: part for name, part in contract["schema"].get("properties", {}).items() if name in taken
    }}  # fmt: skip
    offers = _list_offers(store) if inputs else ()
    return make_fields(schema, inputs=inputs, suggestions=dict.fromkeys(inputs, offers))


def _list_offers(store: EntityStore) -> tuple[str, ...]:
    kinds = ("dataitem", "model", "artifact")
    rows = [row for kind in kinds for row in store.list_summaries(kind, versions=False, limit=_OFFERED)]
    return tuple(row.key for row in rows)


def fill_like(store: EntityStore, like: str, filled: FilledForm) -> None:
    """Fill a form with the parameters and inputs of a run, but the secret ones. Errors: InputError."""
    record = read_run(store, like)
    spec, status = record["spec"], record["status"]
    given: Mapping[str, Any] = status.get("parameters") or spec.get("parameters") or {}
    inputs: Mapping[str, Any] = spec.get("inputs") or {}
    for item in filled.fields:
        if item.kind is FieldKind.INPUT and item.name in inputs:
            filled.typed[item.name] = [str(inputs[item.name])]
        elif item.name in given and item.kind not in (FieldKind.SECRET, FieldKind.FILE):
            value = given[item.name]
            if mask_parameters({item.name: value}) == {item.name: value}:  # a secret is typed anew
                filled.typed[item.name] = format_default(replace(item, default=value))
    name = record["metadata"].get("name")
    name = "" if name in ("run", record["id"]) else str(name or "")
    filled.choices = RunChoices(project=record["project"], name=name)


def read_run(store: EntityStore, like: str) -> Record:
    """Return the run that `PROJECT/ID` names. Errors: InputError."""
    project, _, identity = like.partition("/")
    return store.read(EntityKey(check_name(project, "project"), "run", "", identity, check_id(identity)))


def _render(request: Request, filled: FilledForm, *, status_code: int = 200) -> Response:
    entry = find_entry(get_console(request).folder, filled.target)
    return render(
        request, "run_form.html", status_code=status_code, target=filled.target, name=entry.name,
        query=f"target={quote(filled.target, safe='')}", contract=filled.contract, errors=filled.errors,
        failure=filled.failure, choices=filled.choices,
        fields=render_fields(filled.fields, filled.typed, filled.errors) if filled.fields else "",
    )  # fmt: skip


ROUTES = [Route("/run", show_form), Route("/run", submit_form, methods=["POST"])]

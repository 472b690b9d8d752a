"""The form that runs a function: a field for each argument by its contract, and the options of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ovenbird.api.run_request import CLUSTER, PLATFORM
from ovenbird.common.redact import mask_parameters
from ovenbird.errors import InputError, OvenbirdError
from ovenbird.page.field import Field, FieldKind
from ovenbird.page.form_html import format_default, render_fields
from ovenbird.page.form_values import FormResult, parse_form
from ovenbird.page.schema_fields import make_fields
from ovenbird.platform.keys import EntityKey, check_id, check_name, is_key
from ovenbird.platform.store import EntityStore, Record

from ..console import Console, get_console
from ..contracts import Contract
from ..function_index import find_entry, find_target_of_run
from ..rendering import render
from ..run_options import RESOURCES, RunChoices, read_choices
from ..run_places import list_places
from ..run_start import RunOrder, choose_project, read_secrets, start_order
from ..sweep_grid import read_grid

_MAX_OFFERS = 50  # entities that an input offers
_MAX_FILES = 1000  # of one form


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
    async with request.form(max_files=_MAX_FILES) as form:
        answer = await run_in_threadpool(_start_run, request, form)
    get_console(request).clean_uploads()
    return answer


def _start_run(request: Request, form: FormData) -> Response:
    console, text = get_console(request), str(form.get("run.target", ""))
    contract = console.contracts.read(text)
    places = list_places(console.environ)
    choices, errors = read_choices(form, places)
    with console.stores.borrow() as store:
        fields = make_run_fields(contract, store)
        result = parse_form(fields, form.multi_items())
        filled = FilledForm(text, contract, fields, result.typed, {**result.errors, **errors}, choices)
        grid = _read_grid(filled)
        typed = "" if "run.project" in filled.errors else choices.get_text("project")
        project = choose_project(console, text, typed)
        secrets = _read_secrets(console, store, project, filled)
    if choices.place in (CLUSTER, PLATFORM):
        _refuse_files(filled, result)
    if not filled.errors:
        try:
            parameters, inputs, uploads = collect_arguments(console, fields, result)
            order = RunOrder(text, project, parameters, inputs, choices, secrets, grid, uploads)
            return RedirectResponse(start_order(console, order), status_code=303)
        except OvenbirdError as error:
            filled.failure = error
    return _render(request, filled, status_code=422)


def _read_grid(filled: FilledForm) -> dict[str, list[Any]]:
    """Return the values of a sweep; a parameter that has several needs none in its own field."""
    try:
        grid = read_grid(filled.choices.get_text("grid"), filled.fields)
    except ValueError as error:
        filled.errors.setdefault("run.grid", str(error))
        return {}
    for name in grid:
        filled.errors.pop(name, None)
    return grid


def _read_secrets(console: Console, store: EntityStore, project: str, filled: FilledForm) -> dict[str, str]:
    """Return the values of the secrets; none for a cluster and the platform, which read them themselves."""
    if filled.choices.place in (CLUSTER, PLATFORM):
        return {}
    try:
        return read_secrets(store, project, filled.choices.secrets, console.environ)
    except (ValueError, OvenbirdError) as error:
        filled.errors.setdefault("run.secrets", str(error))
    return {}


def _refuse_files(filled: FilledForm, result: FormResult) -> None:
    """Add an error to each input that the platform, or a cluster, cannot read."""
    in_cluster = filled.choices.place == CLUSTER
    error = (
        "A cluster reads URLs, and keys of a store that it shares."
        if in_cluster
        else "The platform reads entities alone: choose the key of one."
    )
    for item in filled.fields:
        text = str(result.values.get(item.name, ""))
        is_read = not text or is_key(text) or (in_cluster and "://" in text)
        if item.name in result.files or (item.kind is FieldKind.INPUT and not is_read):
            filled.errors.setdefault(item.name, error)


def collect_arguments(
    console: Console, fields: Iterable[Field], result: FormResult
) -> tuple[dict[str, Any], dict[str, str], tuple[Path, ...]]:
    """Return parameters and inputs, with the paths of the files that were sent, and these. Errors: OutputError."""
    inputs = {item.name for item in fields if item.kind is FieldKind.INPUT}
    values, uploads = dict(result.values), list[Path]()
    for name, files in result.files.items():
        try:
            paths = console.uploads.save(name, files)
        except OvenbirdError:
            console.uploads.discard(uploads)
            raise
        uploads += paths
        if name in inputs:
            values[name] = str(paths[0] if len(paths) == 1 else paths[0].parent)
        else:
            values[name] = [*values.get(name, ()), *map(str, paths)]
    parameters = {name: value for name, value in values.items() if name not in inputs}
    return parameters, {name: value for name, value in values.items() if name in inputs}, tuple(uploads)


def make_run_fields(contract: Contract, store: EntityStore) -> tuple[Field, ...]:
    """Return the fields of a job's arguments; inputs offer the newest entities. Errors: InputError for a broken one."""
    if error := contract.get("error"):
        raise InputError(f"the function cannot be loaded: {error['message']}", hint=str(error.get("hint") or ""))
    taken = {name: kind for name, kind in contract["job"]["arguments"].items() if kind != "instance"}
    inputs = {name for name, kind in taken.items() if kind == "input"}
    schema = {**contract["schema"], "properties": {
        name: part for name, part in contract["schema"].get("properties", {}).items() if name in taken
    }}  # fmt: skip
    offers = _list_offers(store) if inputs else ()
    fields = make_fields(schema, inputs=inputs, suggestions=dict.fromkeys(inputs, offers))
    return tuple(_offer_upload(item, schema["properties"]) for item in fields)


def _offer_upload(item: Field, properties: Mapping[str, Any]) -> Field:
    """Return a field that takes files where its value is an input, or a list of paths."""
    if item.kind is FieldKind.INPUT:
        hint = _describe_bare(properties.get(item.name))
        # several files are a folder: what is read as a whole, such as a table or bytes, is one
        return replace(item, takes_files=True, many=hint in ({}, {"type": "string", "format": "path"}))
    is_of_paths = item.kind is FieldKind.LIST and (item.schema.get("items") or {}).get("format") == "path"
    return replace(item, takes_files=True, many=True) if is_of_paths else item


def _describe_bare(schema: Any) -> dict[str, Any]:
    """Return the type and format of a schema, without `null`."""
    members = schema.get("anyOf", [schema]) if isinstance(schema, dict) else []
    member: dict[str, Any] = next((member for member in members if member.get("type") != "null"), {})
    return {name: value for name, value in member.items() if name in ("type", "format", "contentEncoding")}


def _list_offers(store: EntityStore) -> tuple[str, ...]:
    kinds = ("dataitem", "model", "artifact")
    rows = [row for kind in kinds for row in store.list_summaries(kind, versions=False, limit=_MAX_OFFERS)]
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
    secrets = ", ".join(str(item) for item in spec.get("secrets") or ())
    filled.choices = RunChoices(texts={"project": record["project"], "name": name, "secrets": secrets})


def read_run(store: EntityStore, like: str) -> Record:
    """Return the run that `PROJECT/ID` names. Errors: InputError."""
    project, _, identity = like.partition("/")
    return store.read(EntityKey(check_name(project, "project"), "run", "", identity, check_id(identity)))


def _render(request: Request, filled: FilledForm, *, status_code: int = 200) -> Response:
    console = get_console(request)
    entry = find_entry(console.folder, filled.target)
    return render(
        request, "run_form.html", status_code=status_code, target=filled.target, name=entry.name,
        query=f"target={quote(filled.target, safe='')}", contract=filled.contract, errors=filled.errors,
        failure=filled.failure, choices=filled.choices, places=list_places(console.environ), resources=RESOURCES,
        known_secrets=_list_secrets(console),
        fields=render_fields(filled.fields, filled.typed, filled.errors) if filled.fields else "",
    )  # fmt: skip


def _list_secrets(console: Console) -> list[str]:
    """Return the names of the newest secrets; none of a store that has none."""
    with suppress(OvenbirdError), console.stores.borrow() as store:
        return sorted({row.name for row in store.list_summaries("secret", versions=False, limit=_MAX_OFFERS)})
    return []


ROUTES = [Route("/run", show_form), Route("/run", submit_form, methods=["POST"])]

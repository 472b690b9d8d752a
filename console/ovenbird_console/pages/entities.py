"""The pages of data items, artifacts and models: a list of each type, one version with what is in it, its files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ovenbird.common.redact import mask_record
from ovenbird.common.units import show_size
from ovenbird.errors import InputError
from ovenbird.platform.keys import EntityKey, check_id, check_name
from ovenbird.platform.lineage_graph import find_users
from ovenbird.platform.queries import list_rows
from ovenbird.platform.store import EntitySummary, Record

from ..charts import split_metrics
from ..console import get_console
from ..entity_files import EntityFile, describe_place, find_entity_file, list_entity_files, open_entity_file
from ..previews.choose import preview_file
from ..previews.json_tree import build_tree
from ..previews.preview import NoPreview, Preview
from ..previews.recorded_table import preview_recorded
from ..record_fields import get_list, get_mapping, get_text
from ..rendering import render

TYPES = {"dataitem": "Data items", "artifact": "Artifacts", "model": "Models"}
_PAGE = 50
_SEARCHED = 2000  # newest names that a search looks through
_VERSIONS = 20
_FILES = 500
_OF_MODEL = ("framework", "algorithm", "base_model")
_OF_MODEL_STATUS = ("signature", "python", "requirements")


def show_list(request: Request) -> Response:
    """Show the latest version of each name, those that hold a text if one is searched for."""
    entity_type, query = _get_type(request), request.query_params
    search, project = query.get("search", "").strip(), query.get("project") or None
    page = int(query["page"]) if query.get("page", "").isdecimal() and len(query["page"]) < 6 else 1
    most = _SEARCHED if search else page * _PAGE + 1
    with get_console(request).stores.borrow() as store:
        rows = list_rows(store, entity_type, project=project, limit=most)
        location = store.location()
    matches = [row for row in rows if search.lower() in row.name.lower()]
    first = (max(1, page) - 1) * _PAGE
    return render(
        request, "entities.html", title=TYPES[entity_type], type=entity_type, rows=matches[first : first + _PAGE],
        search=search, project=project, page=page, more=len(matches) > first + _PAGE, location=location,
        unsearched=_SEARCHED if search and len(rows) == _SEARCHED else 0,
    )  # fmt: skip


def show_entity(request: Request) -> Response:
    """Show one version: its file, where it comes from, its other versions."""
    console, key = get_console(request), find_key(request)
    with console.stores.borrow() as store:
        record = store.read(key)
        versions = list_rows(store, key.type, project=key.project, name=key.name, versions=True, limit=_VERSIONS + 1)
    return render(request, "entity.html", **_describe_entity(record, versions), **_describe_files(request, record))


def show_preview(request: Request) -> Response:
    """Return the preview of an entity as a part of another page."""
    with get_console(request).stores.borrow() as store:
        record = store.read(find_key(request))
    return render(request, "entity_preview.html", address=_make_address(record), **_describe_files(request, record))


def show_users(request: Request) -> Response:
    """Return the part of a page that says which runs used the entity."""
    with get_console(request).stores.borrow() as store:
        users = find_users(store, store.read(find_key(request)))
    return render(request, "entity_users.html", users=users[:_VERSIONS], more=max(0, len(users) - _VERSIONS))


def find_key(request: Request) -> EntityKey:
    """Return the key that the path names; without an id, that of the latest version. Errors: InputError."""
    params = request.path_params
    identity = params.get("id")
    return EntityKey(
        check_name(params["project"], "project"), _get_type(request), "", check_name(params["name"]),
        check_id(identity) if identity else None,
    )  # fmt: skip


def _get_type(request: Request) -> str:
    return request.url.path.split("/")[1].removesuffix("s")


def _describe_entity(record: Record, versions: list[EntitySummary]) -> dict[str, Any]:
    """Return what the template shows of the record."""
    masked = mask_record(record)
    spec, status, metadata = masked["spec"], masked["status"], masked["metadata"]
    links = [link for link in get_list(metadata, "relationships") if isinstance(link, dict)]
    fields = [field for field in get_list(get_mapping(status, "schema"), "fields") if isinstance(field, dict)]
    numbers, curves = split_metrics(get_mapping(status, "metrics"))
    facts = {name: spec[name] for name in _OF_MODEL if spec.get(name)} if record["type"] == "model" else {}
    facts |= {name: status[name] for name in _OF_MODEL_STATUS if status.get(name)}
    return {
        "record": masked, "type": record["type"], "list_title": TYPES[record["type"]],
        "description": get_text(metadata, "description"), "created": get_text(metadata, "created"),
        "labels": list(map(str, get_list(metadata, "labels"))),
        "address": _make_address(record), "place": describe_place(record), "state": get_text(status, "state"),
        "producers": [str(link.get("dest")) for link in links if link.get("type") == "produced_by"],
        "sources": [str(link.get("dest")) for link in links if link.get("type") == "consumes"],
        "versions": versions[:_VERSIONS], "more_versions": len(versions) > _VERSIONS,
        "fields": [(str(field.get("name")), str(field.get("type"))) for field in fields],
        "parameters": get_mapping(spec, "parameters"), "details": facts,
        "metrics": numbers, "charts": curves,
        "tree": build_tree({name: masked[name] for name in ("metadata", "spec", "status")}),
    }  # fmt: skip


def _make_address(record: Record) -> str:
    parts = (quote(record[name], safe="") for name in ("project", "name", "id"))
    return f"/{record['type']}s/" + "/".join(parts)


def _describe_files(request: Request, record: Record) -> dict[str, Any]:
    """Return the files, the one that is shown, and its preview or why there is none."""
    query = request.query_params
    column = int(query["column"]) if query.get("column", "").isdecimal() and len(query["column"]) < 8 else 0
    try:
        entries = list_entity_files(record)
        entry = find_entity_file(record, query.get("file")) if entries or query.get("file") else None
    except InputError as error:
        return {"files": [], "entry": None, "preview": NoPreview(error.message), "problem": True, "total": ""}
    sizes = [file.size for file in entries]
    total = show_size(sum(size or 0 for size in sizes)) if sizes and None not in sizes else ""
    preview, is_problem = _preview(request, record, entry, column)
    return {
        "files": entries[:_FILES], "more_files": max(0, len(entries) - _FILES), "entry": entry, "preview": preview,
        "problem": is_problem, "total": total,
    }  # fmt: skip


def _preview(request: Request, record: Record, entry: EntityFile | None, column: int) -> tuple[Preview, bool]:
    """Return the preview of a file, and whether it could not be read; then it is what was recorded of a table."""
    recorded = preview_recorded(record["status"], column)
    if entry is None:
        return recorded or NoPreview("no file is recorded"), False
    try:
        with open_entity_file(entry, get_console(request).environ) as reader:
            preview = preview_file(reader, entry.name, column)
    except InputError as error:
        return NoPreview(f"{error.message}{f'; {error.hint}' if error.hint else ''}"), True
    return (recorded if recorded and isinstance(preview, NoPreview) else preview), False


def _list_routes(entity_type: str) -> Iterator[Route]:
    base = f"/{entity_type}s"
    yield Route(base, show_list)
    yield Route(base + "/{project}/{name}", show_entity)
    yield Route(base + "/{project}/{name}/{id}", show_entity)
    yield Route(base + "/{project}/{name}/{id}/users", show_users)
    yield Route(base + "/{project}/{name}/{id}/preview", show_preview)


ROUTES = [route for entity_type in TYPES for route in _list_routes(entity_type)]

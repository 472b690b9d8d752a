"""Projects in Core, and the values of their secrets."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ...common.text import show_value
from ...errors import PlatformError, PlatformResponseError
from ..store import Record
from . import serialization
from .entities import entity_path
from .rest_client import RestClient


def read_project(client: RestClient, name: str) -> Record:
    """Return the project. Errors: PlatformError when it does not exist."""
    try:
        return serialization.from_core("project", client.call("GET", _project_path(name)))
    except PlatformResponseError as error:
        if error.status != 404:
            raise
        raise PlatformError(f"{client.endpoint} has no project {show_value(name)}") from None


def write_project(client: RestClient, record: Record, *, new: bool) -> None:
    """Add or change a project. Errors: PlatformError."""
    body = {name: value for name, value in record.items() if name not in ("type", "status")}
    try:
        client.call("POST" if new else "PUT", "/projects" if new else _project_path(record["name"]), body=body)
    except PlatformResponseError as error:
        if new and error.status == 400 and "Duplicated entity" in error.message:
            if error.repeated:
                return
            hint = "`save(update=True)` changes it"
            raise PlatformError(f"project {show_value(record['name'])} already exists", hint=hint) from None
        raise


def read_secret(client: RestClient, project: str, name: str) -> str | None:
    """Return the value of a secret, or None."""
    secrets: dict[str, Any] = client.call("GET", entity_path(project, "secret") + "/data", query={"keys": name}) or {}
    value = secrets.get(name)
    return None if value is None else str(value)


def write_secret(client: RestClient, project: str, name: str, value: str) -> None:
    """Store the value of a secret in Core."""
    client.call("PUT", entity_path(project, "secret") + "/data", body={name: value})


def _project_path(name: str) -> str:
    return f"/projects/{quote(name, safe='')}"

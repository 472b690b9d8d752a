"""Projects in Core, and the values of their secrets."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ovenbird.common.text import show_value
from ovenbird.errors import PlatformError, PlatformRefusedError

from . import forms
from .coreentities import path
from .rest import Client
from .store import Record


def read_project(client: Client, name: str) -> Record:
    """Return the project. Errors: PlatformError when it is not there."""
    try:
        return forms.from_core("project", client.call("GET", _project(name)))
    except PlatformRefusedError as error:
        if error.status != 404:
            raise
        raise PlatformError(f"{client.endpoint} has no project {show_value(name)}") from None


def write_project(client: Client, record: Record, *, new: bool) -> None:
    """Add or change a project. Errors: PlatformError."""
    body = {name: value for name, value in record.items() if name not in ("type", "status")}
    try:
        client.call("POST" if new else "PUT", "/projects" if new else _project(record["name"]), body=body)
    except PlatformRefusedError as error:
        if new and error.status == 400 and "Duplicated entity" in error.message:
            if error.repeated:
                return
            hint = "save(update=True) changes it"
            raise PlatformError(f"project {show_value(record['name'])} already exists", hint=hint) from None
        raise


def read_secret(client: Client, project: str, name: str) -> str | None:
    """Return the value of a secret; None when Core has none."""
    secrets: dict[str, Any] = client.call("GET", path(project, "secret") + "/data", query={"keys": name}) or {}
    value = secrets.get(name)
    return None if value is None else str(value)


def write_secret(client: Client, project: str, name: str, value: str) -> None:
    """Have Core keep the value of a secret."""
    client.call("PUT", path(project, "secret") + "/data", body={name: value})


def _project(name: str) -> str:
    return f"/projects/{quote(name, safe='')}"

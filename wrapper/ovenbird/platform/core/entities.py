"""Entities in Core by their addresses: one by its id, the latest of a name, listings page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import quote

from ...common.text import show_value
from ...errors import InputError, PlatformResponseError
from ..keys import EntityKey
from . import serialization
from .rest_client import RestClient

_PAGE = 100
_UNFINISHED = ("CREATED", "UPLOADING", "ERROR")


class EntityApi:
    """Reads entities from Core."""

    def __init__(self, client: RestClient) -> None:
        self._client = client
        self.projects: set[str] = set()  # which are known to be there

    def _check_project(self, project: str) -> None:
        """Raise an InputError when there is no such project: Core's listings are just empty then."""
        try:
            self._client.call("GET", f"/projects/{quote(project, safe='')}")
        except PlatformResponseError as error:
            if error.status != 404:
                raise
            hint = "`--project` chooses another"
            raise InputError(f"{self._client.endpoint} has no project {show_value(project)}", hint=hint) from None

    def read_files(self, key: EntityKey, identity: str) -> list[dict[str, Any]]:
        """Return each file of an entity once, where it has more files than its status can hold.

        Core tells of pages and repeats all files on every one of them; a list alone is what it used to answer.
        """
        entries: dict[str, dict[str, Any]] = {}
        page = 0
        while True:
            where = entity_path(key.project, key.type, identity) + "/files/info"
            page_files = self._client.call("GET", where, query={"page": page} if page else None)
            before, paged = len(entries), isinstance(page_files, dict)
            for entry in (page_files.get("content") or []) if isinstance(page_files, dict) else page_files:
                entries.setdefault(str(entry.get("path") or entry.get("name")), entry)
            page += 1
            if not paged or page_files.get("last", True) or len(entries) == before:
                return list(entries.values())

    def read_by_id(self, key: EntityKey, identity: str) -> serialization.Entity:
        """Return the entity with that id. Errors: InputError if it does not exist."""
        try:
            return dict(self._client.call("GET", entity_path(key.project, key.type, identity)))
        except PlatformResponseError as error:
            if error.status != 404:
                raise
            is_run = key.type == "run"  # which has one version
            hint = "`ovenbird runs list --all` lists them" if is_run else "leave the id out for the latest version"
            description = f"{key.type} with id {show_value(identity)} in project {show_value(key.project)}"
            raise InputError(f"{key}: Core has no {description}", hint=hint) from None

    def find_latest(self, key: EntityKey) -> serialization.Entity:
        """Return the latest complete version of the key's name. InputError lists the names that exist."""
        # Core takes the latest of a name before it looks at the kind: without `versions` one of another kind hides it
        query = {"name": key.name, "versions": "all", **({"kind": key.kind} if key.kind else {})}
        newest = next(self.iterate_pages(key.project, key.type, {**query, "size": 1}), None)
        if newest is not None and (newest.get("status") or {}).get("state") in _UNFINISHED and key.type != "function":
            # a version whose upload failed or has not ended does not hide the one before it
            versions = self.iterate_pages(key.project, key.type, query)
            newest = next(
                (entity for entity in versions if (entity.get("status") or {}).get("state") not in _UNFINISHED), newest
            )
        if newest is None:
            names = sorted(
                {str(entity["name"]) for entity in islice(self.iterate_pages(key.project, key.type, {}), 20)}
            )
            hint = f"there are: {', '.join(names)}" if names else f"there is no {key.type} at all"
            raise InputError(
                f"{key}: no {key.type} named {show_value(key.name)} in project {show_value(key.project)}", hint=hint
            )
        return newest

    def iterate_pages(self, project: str, entity_type: str, query: Mapping[str, Any]) -> Iterator[serialization.Entity]:
        """Yield entities of a listing, page by page, latest first. InputError for a project that does not exist."""
        page, last = 0, 0
        while page <= last:
            full = {"size": _PAGE, "sort": "created,DESC", **query, "page": page}
            answer = self._client.call("GET", entity_path(project, entity_type), query=full)
            if not (answer["content"] or page or project in self.projects):
                self._check_project(project)
            self.projects.add(project)
            yield from answer["content"]
            page, last = page + 1, int(answer.get("totalPages", 1)) - 1
            if query.get("size") == 1:
                return


def entity_path(project: str, entity_type: str, identity: str = "") -> str:
    """Return the address of a type of entity in a project, or of one entity."""
    return "/-/" + "/".join(quote(part, safe="") for part in (project, f"{entity_type}s", identity) if part)

"""What Core keeps: projects, and entities by id, the latest of a name first; with Core's own texts for errors."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from .lifecycle import allowed

Entity = dict[str, Any]
TYPES = ("artifact", "dataitem", "model", "function", "task", "run", "log", "secret")
UNVERSIONED = ("task", "run", "log")


class Refused(Exception):
    """An answer that is no 2xx: status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Entities:
    """The database. `violations` notes what a well-behaved runtime never does."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.projects: dict[str, Entity] = {}
        self.violations: list[str] = []
        self._of: dict[tuple[str, str], list[Entity]] = {}  # oldest first
        self.metrics: dict[str, dict[str, Any]] = {}
        self.files: dict[str, list[Any]] = {}
        self.logs: dict[str, list[str]] = {}

    def all(self, project: str, type: str) -> list[Entity]:
        """Every version, the newest first."""
        return list(reversed(self._of.get((project, type), [])))

    def one(self, project: str, type: str, identity: str) -> Entity:
        """The entity itself; Refused 404 when there is none."""
        for entity in self._of.get((project, type), []):
            if entity["id"] == identity:
                return entity
        raise Refused(404, f'{{"status":404,"message":"No such EntityName: {type} {identity}"}}')

    def create(self, project: str, type: str, given: Mapping[str, Any]) -> Entity:
        """Add an entity; its key, its times and its user are Core's."""
        self.project(project)
        entity = copy.deepcopy(dict(given))
        identity = entity.setdefault("id", uuid.uuid4().hex)
        if any(found["id"] == identity for found in self._of.get((project, type), [])):
            raise Refused(400, f'{{"status":400,"message":"Duplicated entity: {type} {identity}"}}')
        if not entity.get("spec") and type != "secret":
            raise Refused(400, '{"status":400,"message":"missing spec"}')
        if not entity.get("kind"):
            raise Refused(400, '{"status":400,"message":"invalid or missing kind"}')
        kind, name = entity["kind"], identity if type in UNVERSIONED else entity.get("name") or identity
        last = identity if type in UNVERSIONED else f"{name}:{identity}"
        entity |= {
            "project": project, "name": name, "user": "tester", "key": f"store://{project}/{type}/{kind}/{last}",
        }  # fmt: skip
        entity.setdefault("metadata", {}).update(created=_now(), updated=_now(), project=project)
        entity.setdefault("status", {}).setdefault("state", "CREATED")
        entity.pop("type", None)
        self._of.setdefault((project, type), []).append(entity)
        return entity

    def update(self, project: str, type: str, identity: str, given: Mapping[str, Any]) -> Entity:
        """Replace metadata, spec and status; a state that cannot follow the present one is not taken over."""
        entity = self.one(project, type, identity)
        before = entity["status"]["state"]
        if given.get("id", identity) != identity or given.get("kind", entity["kind"]) != entity["kind"]:
            raise Refused(400, '{"status":400,"message":"id or kind does not match"}')
        state = (given.get("status") or {}).get("state", before)
        if type == "run" and not entity["spec"].get("local_execution") and state != before:
            self.violations.append(f"a client moved run {identity} from {before} to {state}")
        if type == "function" and dict(given["spec"]) != entity["spec"]:
            raise Refused(400, '{"status":400,"message":"spec of a function cannot be changed"}')
        created = entity["metadata"]["created"]
        for part in ("metadata", "spec", "status"):
            if part in given:
                entity[part] = copy.deepcopy(dict(given[part]))
        entity["metadata"].update(created=created, updated=_now())
        entity["status"]["state"] = state if allowed(type, before, state) else before
        return entity

    def delete(self, project: str, type: str, identity: str) -> None:
        """Forget one version."""
        self._of[(project, type)].remove(self.one(project, type, identity))

    def listing(self, project: str, type: str, query: Mapping[str, str]) -> Entity:
        """One page: `{content, totalPages, totalElements, ...}`, latest first, one of each name unless all versions."""
        found = [entity for entity in self.all(project, type) if _fits(entity, query)]
        if query.get("versions") != "all" and type not in UNVERSIONED:
            latest: dict[str, Entity] = {}
            for entity in found:
                latest.setdefault(entity["name"], entity)
            found = list(latest.values())
        page, size = int(query.get("page", 0)), int(query.get("size", 25))
        if not 0 < size <= 1000:
            raise Refused(400, '{"status":400,"message":"size must be 1 to 1000"}')
        content = found[page * size : (page + 1) * size]
        pages = (len(found) + size - 1) // size
        return {"content": content, "totalPages": pages, "totalElements": len(found), "number": page, "size": size}

    def project(self, name: str) -> Entity:
        """The project; Refused 404 when there is none."""
        if name not in self.projects:
            raise Refused(404, f'{{"status":404,"message":"No such EntityName: project {name}"}}')
        return self.projects[name]

    def add_project(self, given: Mapping[str, Any]) -> Entity:
        """Add a project; its id is its name."""
        name = given["name"]
        if name in self.projects:
            raise Refused(400, f'{{"status":400,"message":"Duplicated entity: project {name}"}}')
        project = copy.deepcopy(dict(given)) | {"id": name, "user": "tester", "key": f"store://{name}"}
        project.setdefault("metadata", {}).update(created=_now(), updated=_now())
        project.setdefault("spec", {})
        project.setdefault("status", {}).setdefault("state", "CREATED")
        self.projects[name] = project
        return project


def _fits(entity: Entity, query: Mapping[str, str]) -> bool:
    spec = entity["spec"]
    here = {
        "name": entity["name"], "kind": entity["kind"], "state": entity["status"]["state"],
        "function": spec.get("function"), "task": spec.get("task"),
    }  # fmt: skip
    return all(here[field] == query[field] for field in here if query.get(field))

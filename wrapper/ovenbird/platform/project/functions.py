"""What a project does with functions."""

from __future__ import annotations

from typing import Any, cast

from ..entities.function_spec import python_spec
from ..entities.run import FunctionRevision
from .part import (
    ProjectPart,
    create_entity,
    delete_entities,
    import_entity,
    list_entities,
    list_versions,
    update_entity,
)


class ProjectFunctions(ProjectPart):
    """The methods of a project for functions."""

    def new_function(
        self, name: str, kind: str, uuid: str | None = None, description: str | None = None,
        labels: list[str] | None = None, embedded: bool = False, **kwargs: Any,
    ) -> FunctionRevision:  # fmt: skip
        """Record a function of kind `python`: `code_src`, `code` or `base64`, `handler`, `python_version`, `image`.

        Errors: InputError for another kind, and for a function without a handler.
        """
        metadata = {"description": description, "labels": labels, "embedded": embedded}
        known = {field: value for field, value in metadata.items() if value}
        spec = python_spec(name, kind, kwargs)
        return cast("FunctionRevision", create_entity(self, "function", kind, name, spec, known, uuid))

    def get_function(self, identifier: str, entity_id: str | None = None) -> FunctionRevision:
        """Return the function of a key, or of a name: the latest, or the version `entity_id`."""
        return cast("FunctionRevision", self._get(FunctionRevision, identifier, entity_id, consume=False))

    def get_function_versions(self, identifier: str) -> list[FunctionRevision]:
        """Return every version of a name, or of the name in a key, newest first."""
        return list_versions(self, "function", identifier)

    def list_functions(
        self, q: str | None = None, name: str | None = None, kind: str | None = None,
        user: str | None = None, state: str | None = None, created: str | None = None, updated: str | None = None,
        versions: str | None = None,
    ) -> list[FunctionRevision]:  # fmt: skip
        """Return the latest function of each name, or with `versions="all"` every one; see `finding.find`."""
        return list_entities(
            self, "function", q=q, name=name, kind=kind, user=user, state=state, created=created, updated=updated,
            versions=versions,
        )  # fmt: skip

    def import_function(
        self, file: str | None = None, key: str | None = None, reset_id: bool = True
    ) -> FunctionRevision:
        """Add a function from a YAML file that `export` has written, or from a key; `reset_id`: as a new version."""
        return cast("FunctionRevision", import_entity(self, "function", file, key, reset_id))

    def update_function(self, entity: FunctionRevision) -> FunctionRevision:
        """Store the changes of a function's metadata and status."""
        return cast("FunctionRevision", update_entity(self, "function", entity))

    def delete_function(
        self, identifier: str, entity_id: str | None = None, delete_all_versions: bool = False, cascade: bool = True
    ) -> None:
        """Forget a version (a key, or a name and `entity_id`), or all of a name; with `cascade` its files too."""
        delete_entities(self, "function", identifier, entity_id, every=delete_all_versions, with_files=cascade)

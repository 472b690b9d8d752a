"""Methods of a project for functions."""

from __future__ import annotations

from typing import Any, cast

from ..entities.function_spec import python_spec
from ..entities.run import FunctionRevision
from .entity_methods import delete_method, import_method, list_method, update_method, versions_method
from .part import ProjectPart, create_entity


class ProjectFunctions(ProjectPart):
    """The methods of a project for functions."""

    get_function_versions = versions_method(FunctionRevision)
    list_functions = list_method(FunctionRevision)
    import_function = import_method(FunctionRevision)
    update_function = update_method(FunctionRevision)
    delete_function = delete_method(FunctionRevision)

    def new_function(
        self, name: str, kind: str, uuid: str | None = None, description: str | None = None,
        labels: list[str] | None = None, embedded: bool = False, **kwargs: Any,
    ) -> FunctionRevision:  # fmt: skip
        """Record a function of kind `python`: `code_src`, `code` or `base64`, `handler`, `python_version`, `image`.

        Errors: InputError for another kind, and for a function without a handler.
        """
        metadata = {"description": description, "labels": labels, "embedded": embedded}
        fields = {field: value for field, value in metadata.items() if value}
        spec = python_spec(name, kind, kwargs)
        return cast("FunctionRevision", create_entity(self, "function", kind, name, spec, fields, uuid))

    def get_function(self, identifier: str, entity_id: str | None = None) -> FunctionRevision:
        """Return the function of a key, or of a name: the latest, or the version `entity_id`."""
        return cast("FunctionRevision", self._get(FunctionRevision, identifier, entity_id, consume=False))

"""What a project does with models beside storing and reading one."""

from __future__ import annotations

from typing import Any, cast

from ..entities.file_entity import Model
from .part import ProjectPart, delete_entities, import_entity, list_entities, list_versions, update_entity


class ProjectModels(ProjectPart):
    """The methods of a project for models."""

    def log_model(
        self, name: str, kind: str = "model", source: Any = None, drop_existing: bool = False, path: str | None = None,
        description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Model:  # fmt: skip
        """Store files as a model; `framework`, `algorithm` and `parameters` go to its spec."""
        options = {"drop_existing": drop_existing, "path": path, "description": description, "labels": labels}
        return cast("Model", self._log(Model, name, kind, source, **options, **kwargs))

    def log_generic_model(
        self, name: str, source: Any = None, drop_existing: bool = False, path: str | None = None,
        description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Model:  # fmt: skip
        """Store files as a model of kind `model`."""
        options = {"drop_existing": drop_existing, "path": path, "description": description, "labels": labels}
        return cast("Model", self._log(Model, name, "model", source, **options, **kwargs))

    def log_sklearn(
        self, name: str, source: Any = None, drop_existing: bool = False, path: str | None = None,
        description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Model:  # fmt: skip
        """Store a scikit-learn model from its file."""
        options = {"drop_existing": drop_existing, "path": path, "description": description, "labels": labels}
        return cast("Model", self._log(Model, name, "sklearn", source, **options, **{"framework": "sklearn", **kwargs}))

    def log_mlflow(
        self, name: str, source: Any = None, drop_existing: bool = False, path: str | None = None,
        description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Model:  # fmt: skip
        """Store an MLflow model from its folder."""
        options = {"drop_existing": drop_existing, "path": path, "description": description, "labels": labels}
        return cast("Model", self._log(Model, name, "mlflow", source, **options, **kwargs))

    def log_huggingface(
        self, name: str, source: Any = None, drop_existing: bool = False, path: str | None = None,
        description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Model:  # fmt: skip
        """Store a model of Hugging Face from its folder; `base_model` and `model_id` go to its spec."""
        options = {"drop_existing": drop_existing, "path": path, "description": description, "labels": labels}
        return cast("Model", self._log(Model, name, "huggingface", source, **options, **kwargs))

    def new_model(
        self, name: str, kind: str = "model", uuid: str | None = None, description: str | None = None,
        labels: list[str] | None = None, embedded: bool = False, path: str | None = None,
        extensions: list[Any] | None = None, **kwargs: Any,
    ) -> Model:  # fmt: skip
        """Record a model that lies at `path` (a local path or a URL) and stays there; `kwargs` go to its spec."""
        options = {
            "uuid": uuid, "description": description, "labels": labels, "embedded": embedded, "extensions": extensions,
        }  # fmt: skip
        return cast("Model", self._new(Model, name, kind, path, **options, **kwargs))

    def get_model_versions(self, identifier: str) -> list[Model]:
        """Return every version of a name, or of the name in a key, newest first."""
        return list_versions(self, "model", identifier)

    def list_models(
        self, q: str | None = None, name: str | None = None, kind: str | None = None,
        user: str | None = None, state: str | None = None, created: str | None = None, updated: str | None = None,
        versions: str | None = None,
    ) -> list[Model]:  # fmt: skip
        """Return the latest model of each name, or with `versions="all"` every one; see `finding.find`."""
        return list_entities(
            self, "model", q=q, name=name, kind=kind, user=user, state=state, created=created, updated=updated,
            versions=versions,
        )  # fmt: skip

    def import_model(self, file: str | None = None, key: str | None = None, reset_id: bool = True) -> Model:
        """Add a model from a YAML file that `export` has written, or from a key; `reset_id`: as a new version."""
        return cast("Model", import_entity(self, "model", file, key, reset_id))

    def update_model(self, entity: Model) -> Model:
        """Store the changes of a model's metadata and status."""
        return cast("Model", update_entity(self, "model", entity))

    def delete_model(
        self, identifier: str, entity_id: str | None = None, delete_all_versions: bool = False, cascade: bool = True
    ) -> None:
        """Forget a version (a key, or a name and `entity_id`), or all of a name; with `cascade` its files too."""
        delete_entities(self, "model", identifier, entity_id, every=delete_all_versions, with_files=cascade)

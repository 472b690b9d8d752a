"""What a project does with artifacts beside storing and reading one."""

from __future__ import annotations

from typing import Any, cast

from ..entities.file_entity import Artifact
from .part import ProjectPart, delete_entities, import_entity, list_entities, list_versions, update_entity


class ProjectArtifacts(ProjectPart):
    """The methods of a project for artifacts."""

    def log_artifact(
        self, name: str, kind: str = "artifact", source: Any = None, drop_existing: bool = False,
        path: str | None = None, description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Artifact:  # fmt: skip
        """Store files (`source`: a path, or several) as an artifact; `kwargs` go to its spec."""
        options = {"drop_existing": drop_existing, "path": path, "description": description, "labels": labels}
        return cast("Artifact", self._log(Artifact, name, kind, source, **options, **kwargs))

    def log_generic_artifact(
        self, name: str, source: Any = None, drop_existing: bool = False, path: str | None = None,
        description: str | None = None, labels: list[str] | None = None, **kwargs: Any,
    ) -> Artifact:  # fmt: skip
        """Store files as an artifact of kind `artifact`."""
        options = {"drop_existing": drop_existing, "path": path, "description": description, "labels": labels}
        return cast("Artifact", self._log(Artifact, name, "artifact", source, **options, **kwargs))

    def new_artifact(
        self, name: str, kind: str = "artifact", uuid: str | None = None, description: str | None = None,
        labels: list[str] | None = None, embedded: bool = False, path: str | None = None,
        extensions: list[Any] | None = None, **kwargs: Any,
    ) -> Artifact:  # fmt: skip
        """Record an artifact that lies at `path` (a local path or a URL) and stays there; `kwargs` go to its spec."""
        options = {
            "uuid": uuid, "description": description, "labels": labels, "embedded": embedded, "extensions": extensions,
        }  # fmt: skip
        return cast("Artifact", self._new(Artifact, name, kind, path, **options, **kwargs))

    def get_artifact_versions(self, identifier: str) -> list[Artifact]:
        """Return every version of a name, or of the name in a key, newest first."""
        return list_versions(self, "artifact", identifier)

    def list_artifacts(
        self, q: str | None = None, name: str | None = None, kind: str | None = None,
        user: str | None = None, state: str | None = None, created: str | None = None, updated: str | None = None,
        versions: str | None = None,
    ) -> list[Artifact]:  # fmt: skip
        """Return the latest artifact of each name, or with `versions="all"` every one; see `finding.find`."""
        return list_entities(
            self, "artifact", q=q, name=name, kind=kind, user=user, state=state, created=created, updated=updated,
            versions=versions,
        )  # fmt: skip

    def import_artifact(self, file: str | None = None, key: str | None = None, reset_id: bool = True) -> Artifact:
        """Add an artifact from a YAML file that `export` has written, or from a key; `reset_id`: as a new version."""
        return cast("Artifact", import_entity(self, "artifact", file, key, reset_id))

    def update_artifact(self, entity: Artifact) -> Artifact:
        """Store the changes of an artifact's metadata and status."""
        return cast("Artifact", update_entity(self, "artifact", entity))

    def delete_artifact(
        self, identifier: str, entity_id: str | None = None, delete_all_versions: bool = False, cascade: bool = True
    ) -> None:
        """Forget a version (a key, or a name and `entity_id`), or all of a name; with `cascade` its files too."""
        delete_entities(self, "artifact", identifier, entity_id, every=delete_all_versions, with_files=cascade)

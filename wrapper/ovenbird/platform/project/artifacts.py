"""The methods of a project for artifacts, beside those that store and read one."""

from __future__ import annotations

from ..entities.file_entity import Artifact
from .entity_methods import (
    delete_method,
    import_method,
    list_method,
    log_kind_method,
    log_method,
    new_method,
    update_method,
    versions_method,
)
from .part import ProjectPart


class ProjectArtifacts(ProjectPart):
    """The methods of a project for artifacts."""

    log_artifact = log_method(Artifact)
    log_generic_artifact = log_kind_method(Artifact, "artifact")
    new_artifact = new_method(Artifact)
    get_artifact_versions = versions_method(Artifact)
    list_artifacts = list_method(Artifact)
    import_artifact = import_method(Artifact)
    update_artifact = update_method(Artifact)
    delete_artifact = delete_method(Artifact)

"""Functions for each type of entity, by the names of the platform's SDK: the methods of a project, with its name first.

Each is made from the method of the project, so that its parameters are written once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..platform.entities.file_entity import Dataitem
from ..platform.project.artifacts import ProjectArtifacts
from ..platform.project.dataitems import ProjectDataitems
from ..platform.project.functions import ProjectFunctions
from ..platform.project.models import ProjectModels
from ..platform.project.project import Project
from ..platform.project.runs import ProjectRuns
from ..platform.project.secrets import ProjectSecrets
from .session import find_project_of, open_project

_Function = Callable[..., Any]
_PROJECT = inspect.Parameter("project", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation="str")
_OF_KEY = _PROJECT.replace(default=None, annotation="str | None")  # a key names its project


def _in_project(method: Any) -> _Function:
    """Return `new_*`, `log_*` or `list_*`: the method of the project that is named first."""

    def call(project: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(open_project(project), call.__name__)(*args, **kwargs)

    return _describe(call, method, [_PROJECT, *_list_parameters(method)])


def _by_identifier(method: Any) -> _Function:
    """Return `get_*` or `delete_*`: of a key, or of a name in the project that is named second."""

    def call(identifier: str, project: str | None = None, *args: Any, **kwargs: Any) -> Any:
        return getattr(find_project_of(identifier, project), call.__name__)(identifier, *args, **kwargs)

    identifier, *rest = _list_parameters(method)
    return _describe(call, method, [identifier, _OF_KEY, *rest])


def _update(method: Any) -> _Function:
    """Return `update_*`: of the project of the entity."""

    def call(entity: Any) -> Any:
        return getattr(open_project(entity.project), call.__name__)(entity)

    return _describe(call, method, _list_parameters(method))


def _import(method: Any) -> _Function:
    """Return `import_*`: into the project that the file, or the key, names."""

    def call(
        file: str | None = None, key: str | None = None, reset_id: bool = False, context: str | None = None
    ) -> Any:
        project = open_project(context or _find_own_project(file, key))
        return getattr(project, call.__name__)(file, key, reset_id)

    return _describe(call, method, list(inspect.signature(call).parameters.values()))


def _find_own_project(file: str | None, key: str | None) -> str:
    if file is None:
        return find_project_of(key or "", None).name
    from ..platform.entities.entity_file import read_entity

    return str(read_entity(file)[0].get("project") or "default")


def _list_parameters(method: Any) -> Sequence[inspect.Parameter]:
    """Return the parameters of a method of a project, without the project."""
    return list(inspect.signature(method).parameters.values())[1:]


def _describe(function: Any, method: Any, parameters: Sequence[inspect.Parameter]) -> _Function:
    function.__name__ = function.__qualname__ = method.__name__
    function.__doc__ = method.__doc__
    setattr(function, "__signature__", inspect.Signature(list(parameters)))  # noqa: B010  # `inspect` reads it
    return function  # type: ignore[no-any-return]


new_artifact = _in_project(ProjectArtifacts.new_artifact)
log_artifact = _in_project(ProjectArtifacts.log_artifact)
log_generic_artifact = _in_project(ProjectArtifacts.log_generic_artifact)
list_artifacts = _in_project(ProjectArtifacts.list_artifacts)
get_artifact = _by_identifier(Project.get_artifact)
get_artifact_versions = _by_identifier(ProjectArtifacts.get_artifact_versions)
delete_artifact = _by_identifier(ProjectArtifacts.delete_artifact)
import_artifact = _import(ProjectArtifacts.import_artifact)
update_artifact = _update(ProjectArtifacts.update_artifact)

new_dataitem = _in_project(ProjectDataitems.new_dataitem)
log_generic_dataitem = _in_project(ProjectDataitems.log_generic_dataitem)
log_table = _in_project(ProjectDataitems.log_table)
log_croissant = _in_project(ProjectDataitems.log_croissant)
list_dataitems = _in_project(ProjectDataitems.list_dataitems)
get_dataitem = _by_identifier(Project.get_dataitem)
get_dataitem_versions = _by_identifier(ProjectDataitems.get_dataitem_versions)
delete_dataitem = _by_identifier(ProjectDataitems.delete_dataitem)
import_dataitem = _import(ProjectDataitems.import_dataitem)
update_dataitem = _update(ProjectDataitems.update_dataitem)

new_model = _in_project(ProjectModels.new_model)
log_model = _in_project(ProjectModels.log_model)
log_generic_model = _in_project(ProjectModels.log_generic_model)
log_sklearn = _in_project(ProjectModels.log_sklearn)
log_mlflow = _in_project(ProjectModels.log_mlflow)
log_huggingface = _in_project(ProjectModels.log_huggingface)
list_models = _in_project(ProjectModels.list_models)
get_model = _by_identifier(Project.get_model)
get_model_versions = _by_identifier(ProjectModels.get_model_versions)
delete_model = _by_identifier(ProjectModels.delete_model)
import_model = _import(ProjectModels.import_model)
update_model = _update(ProjectModels.update_model)

new_function = _in_project(ProjectFunctions.new_function)
list_functions = _in_project(ProjectFunctions.list_functions)
get_function = _by_identifier(ProjectFunctions.get_function)
get_function_versions = _by_identifier(ProjectFunctions.get_function_versions)
delete_function = _by_identifier(ProjectFunctions.delete_function)
import_function = _import(ProjectFunctions.import_function)
update_function = _update(ProjectFunctions.update_function)

list_runs = _in_project(ProjectRuns.list_runs)
get_run = _by_identifier(Project.get_run)
delete_run = _by_identifier(ProjectRuns.delete_run)

new_secret = _in_project(ProjectSecrets.new_secret)
list_secrets = _in_project(ProjectSecrets.list_secrets)
get_secret = _by_identifier(ProjectSecrets.get_secret)
delete_secret = _by_identifier(ProjectSecrets.delete_secret)
import_secret = _import(ProjectSecrets.import_secret)
update_secret = _update(ProjectSecrets.update_secret)


def log_dataitem(
    project: str, name: str, kind: str | None = None, source: Any = None, data: Any = None, drop_existing: bool = False,
    path: str | None = None, description: str | None = None, labels: list[str] | None = None,
    file_format: str | None = None, read_df_params: Mapping[str, Any] | None = None, engine: str | None = None,
    **kwargs: Any,
) -> Dataitem:  # fmt: skip
    """Store a DataFrame, or files, as a data item; see `project.log_dataitem`, whose parameters have another order."""
    return open_project(project).log_dataitem(
        name, kind, source, data, drop_existing, path=path, description=description, labels=labels,
        file_format=file_format, read_df_params=read_df_params, engine=engine, **kwargs,
    )  # fmt: skip


def update_run(entity: Any) -> Any:
    """Store the changes of a run's metadata and status; return it."""
    return entity.save(update=True)

"""The functions of DigitalHub's SDK under their own names: `import ovenbird as dh`, with the store that is there.

The module `ovenbird` finds them here by their verbs. What only a platform can do is an error that says so.
"""

from __future__ import annotations

from .entities import (
    delete_artifact,
    delete_dataitem,
    delete_function,
    delete_model,
    delete_run,
    delete_secret,
    get_artifact,
    get_artifact_versions,
    get_dataitem,
    get_dataitem_versions,
    get_function,
    get_function_versions,
    get_model,
    get_model_versions,
    get_run,
    get_secret,
    import_artifact,
    import_dataitem,
    import_function,
    import_model,
    import_secret,
    list_artifacts,
    list_dataitems,
    list_functions,
    list_models,
    list_runs,
    list_secrets,
    log_artifact,
    log_croissant,
    log_dataitem,
    log_generic_artifact,
    log_generic_dataitem,
    log_generic_model,
    log_huggingface,
    log_mlflow,
    log_model,
    log_sklearn,
    log_table,
    new_artifact,
    new_dataitem,
    new_function,
    new_model,
    new_secret,
    update_artifact,
    update_dataitem,
    update_function,
    update_model,
    update_run,
    update_secret,
)
from .projects import (
    delete_project,
    get_or_create_project,
    get_project,
    list_projects,
    new_project,
    search_entity,
    update_project,
)
from .unsupported import find_unsupported

__all__ = [
    "delete_artifact", "delete_dataitem", "delete_function", "delete_model", "delete_project", "delete_run",
    "delete_secret", "get_artifact", "get_artifact_versions", "get_dataitem", "get_dataitem_versions", "get_function",
    "get_function_versions", "get_model", "get_model_versions", "get_or_create_project", "get_project", "get_run",
    "get_secret", "import_artifact", "import_dataitem", "import_function", "import_model", "import_secret",
    "list_artifacts", "list_dataitems", "list_functions", "list_models", "list_projects", "list_runs", "list_secrets",
    "log_artifact", "log_croissant", "log_dataitem", "log_generic_artifact", "log_generic_dataitem",
    "log_generic_model", "log_huggingface", "log_mlflow", "log_model", "log_sklearn", "log_table", "new_artifact",
    "new_dataitem", "new_function", "new_model", "new_project", "new_secret", "search_entity", "update_artifact",
    "update_dataitem", "update_function", "update_model", "update_project", "update_run", "update_secret",
]  # fmt: skip


def __getattr__(name: str) -> object:
    return find_unsupported(name)

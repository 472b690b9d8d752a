"""The methods of a project for models, beside those that store and read one."""

from __future__ import annotations

from ..entities.file_entity import Model
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


class ProjectModels(ProjectPart):
    """The methods of a project for models; `framework`, `algorithm` and `parameters` go to the spec."""

    log_model = log_method(Model)
    log_generic_model = log_kind_method(Model, "model")
    log_sklearn = log_kind_method(Model, "sklearn", framework="sklearn")
    log_mlflow = log_kind_method(Model, "mlflow")
    log_huggingface = log_kind_method(Model, "huggingface")
    new_model = new_method(Model)
    get_model_versions = versions_method(Model)
    list_models = list_method(Model)
    import_model = import_method(Model)
    update_model = update_method(Model)
    delete_model = delete_method(Model)

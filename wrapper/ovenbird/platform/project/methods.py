"""The methods of a project that few functions call, each found in the part for its kind of entity."""

from __future__ import annotations

import importlib
from types import MethodType
from typing import TYPE_CHECKING, Any

from ..unsupported_names import absent_attribute_error

_PARTS = {
    "artifact": ("artifacts", "ProjectArtifacts"), "dataitem": ("dataitems", "ProjectDataitems"),
    "croissant": ("dataitems", "ProjectDataitems"), "table": ("dataitems", "ProjectDataitems"),
    "model": ("models", "ProjectModels"), "sklearn": ("models", "ProjectModels"),
    "mlflow": ("models", "ProjectModels"),
    "huggingface": ("models", "ProjectModels"), "function": ("functions", "ProjectFunctions"),
    "run": ("runs", "ProjectRuns"), "secret": ("secrets", "ProjectSecrets"),
}  # fmt: skip
_REST = ("document", "ProjectDocument")

if TYPE_CHECKING:
    from .artifacts import ProjectArtifacts
    from .dataitems import ProjectDataitems
    from .document import ProjectDocument
    from .functions import ProjectFunctions
    from .models import ProjectModels
    from .runs import ProjectRuns
    from .secrets import ProjectSecrets

    class Methods(
        ProjectArtifacts,
        ProjectDataitems,
        ProjectModels,
        ProjectFunctions,
        ProjectRuns,
        ProjectSecrets,
        ProjectDocument,
    ):
        """All of them, for a type checker."""


def find_method(project: Any, name: str) -> Any:
    """Return the method of that name, bound to the project. Errors: AttributeError for an unknown name."""
    if not name.startswith("_"):
        for part in (*(_PARTS[word] for word in map(_singular, name.split("_")) if word in _PARTS), _REST):
            function = vars(_part(part)).get(name)
            if callable(function):
                return MethodType(function, project)
    raise absent_attribute_error(project, name)


def method_names() -> list[str]:
    """Return the names of all methods."""
    parts = {*_PARTS.values(), _REST}
    return sorted(name for part in parts for name in vars(_part(part)) if not name.startswith("_"))


def _part(home: tuple[str, str]) -> type:
    module = importlib.import_module(f".{home[0]}", __package__)
    part: type = getattr(module, home[1])
    return part


def _singular(word: str) -> str:
    return word.removesuffix("s")

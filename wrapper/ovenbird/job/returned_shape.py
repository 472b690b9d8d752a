"""Say what a handler returned, so that it can be read back: one value or several, and the type of each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from ..platform.tables.dataframes import get_engine

_STOOD_FOR = (bytes, int, float)  # types that a text of the record may stand for
_FILES = {".json": "json", ".npy": "array", ".pickle": "pickle", ".pkl": "model", ".png": "figure"}


def name_result_type(value: Any) -> str:
    """Return the type of a value that is in the record itself."""
    return type(value).__name__ if type(value) in _STOOD_FOR else "json"


def name_stored_type(value: Any, path: object) -> str:
    """Return how a value is read back from its entity, whose content lies at `path`; `""` for the entity itself.

    A file that the handler has named by a text may be of anybody: that it ends in `.pkl` is no reason to load it.
    """
    if engine := get_engine(value):
        return engine
    if isinstance(value, Path):
        return "path"
    if isinstance(value, str):
        return ""
    return _FILES.get(PurePosixPath(str(path or "")).suffix, "")


def describe_shape(form: str, parts: Iterable[tuple[str, bool]], types: dict[str, str]) -> dict[str, Any]:
    """Return the shape for the record: the form (`value`, `tuple`, `list`), and each name that has a value."""
    names = [{"name": name, "type": types.get(name, "")} if is_there else {"name": None} for name, is_there in parts]
    return {"form": form, "parts": names}

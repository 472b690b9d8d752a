"""The inputs of a job: entities, or their content in the form that the hints of the handler name."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec

from ..common.text import show_value
from ..errors import InputError, OvenbirdError
from ..function.binder import Binder, Parameter, PayloadValidationError, convert_one
from ..function.convert import ENTITIES
from ..function.tracebacks import summarize_error
from ..platform.entities.file_entity import FileEntity
from ..platform.entities.input_resolution import resolve_input
from ..platform.project.project import Project


class ReadInput(NamedTuple):
    """An input as its hint asks for it, and the entity that it was read from."""

    value: Any
    entity: FileEntity


def read(binder: Binder, project: Project, inputs: Mapping[str, str]) -> dict[str, ReadInput]:
    """Return the inputs by name, each in the form of its hint. Errors: InputError that names the argument."""
    return {name: _read_input(binder.by_name.get(name), project, name, text) for name, text in inputs.items()}


def _read_input(parameter: Parameter | None, project: Project, name: str, text: str) -> ReadInput:
    entity = resolve_input(project, name, text)
    hint = _unwrap_optional(parameter.hint) if parameter else Any
    try:
        return ReadInput(_convert_entity(parameter, hint, entity), entity)
    except PayloadValidationError as error:
        raise InputError(f"input {show_value(name)} ({entity.key}) does not fit its hint: {error.message}") from None
    except OvenbirdError as error:
        extra = "; the entity has it, which a parameter without a type hint gets" if "`as_df(" in error.hint else ""
        raise InputError(f"input {show_value(name)}: {error.message}", hint=error.hint + extra) from error
    except Exception as error:
        kind = getattr(hint, "__name__", str(hint))
        raise InputError(
            f"input {show_value(name)} ({entity.key}) cannot be read as {kind}: {summarize_error(error)}",
            hint="without a hint the handler gets the entity itself, and reads it as it likes",
        ) from error


def _unwrap_optional(hint: Any) -> Any:
    """Return `Path` for `Path | None`, and any other hint as it is: an input is never None."""
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 and type(None) in get_args(hint) else hint


def _convert_entity(parameter: Parameter | None, hint: Any, entity: FileEntity) -> Any:
    """Return an entity in the form of its hint: a DataFrame, a path, bytes, text, or its JSON content converted.

    Without a hint it is the entity itself.
    """
    generic = bool(getattr(hint, "__args__", ()))  # `list[int]` is an instance of `type` in Python 3.10 only
    if parameter is None or hint is Any or not (isinstance(hint, type) or generic):
        return entity
    if not generic:
        package = hint.__module__.partition(".")[0]
        if isinstance(entity, hint) or package == "digitalhub" or hint.__name__ in ENTITIES:
            return entity
        if hint.__name__ == "DataFrame" and package in ("pandas", "polars"):
            return entity.as_df(engine=package)
        if issubclass(hint, Path):
            return hint(entity.as_path())
        if hint in (bytes, str):
            path = _single_file(entity)
            return path.read_bytes() if hint is bytes else path.read_text(encoding="utf-8-sig")
    return convert_one(parameter, msgspec.json.decode(_single_file(entity).read_bytes().removeprefix(BOM_UTF8)))


def _single_file(entity: FileEntity) -> Path:
    files = entity.as_file()
    if len(files) != 1:
        raise InputError(f"{entity.key} holds {len(files)} files, and the hint asks for the content of one")
    return Path(files[0])

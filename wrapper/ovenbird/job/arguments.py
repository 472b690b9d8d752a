"""The arguments of a job: parameters converted to their hints, inputs as entities or what their hints ask for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..errors import ArgumentsError, InputError, OvenbirdError
from ..function.bind import Binder, FieldsError, Parameter, convert_one
from ..function.nearby import near
from ..function.traces import summary
from ..platform.inputs import resolve
from ..platform.material import Material
from ..platform.project import Project
from ..settings import Typed


def check_names(binder: Binder, parameters: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
    """Refuse names that the handler does not have, and those that are missing. Errors: ArgumentsError, all at once."""
    twice = sorted(set(parameters) & set(inputs))
    problems = [f"{name!r} is given as a parameter and as an input" for name in twice]
    known = [parameter.name for parameter in binder.parameters]
    if not binder.rest:
        for name in [name for name in (*parameters, *inputs) if name not in known]:
            reserved = "is filled by Ovenbird" if name in binder.reserved else "is not an argument of the handler"
            hint = near(name, known)
            problems.append(f"{name!r} {reserved}{f', {hint}' if hint else ''}")
    missing = [p.name for p in binder.parameters if p.required and p.name not in parameters and p.name not in inputs]
    problems += [f"{name!r} is missing" for name in missing]
    if problems:
        raise ArgumentsError(
            "the arguments do not fit: " + "; ".join(problems), hint="ovenbird check shows the handler's"
        )


def convert(binder: Binder, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters, each converted to its hint. Errors: ArgumentsError that names every one which does not fit."""
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in parameters.items():
        parameter = binder.by_name.get(name)
        try:
            found[name] = _converted(parameter, value) if parameter else plain(value)
        except FieldsError as error:
            problems += [f"{field or name}: {message}" for field, message in error.problems]
    if problems:
        raise ArgumentsError("parameters do not fit their hints: " + "; ".join(problems))
    return found


def read(binder: Binder, project: Project, inputs: Mapping[str, str]) -> dict[str, Any]:
    """Inputs, each as its hint asks. Errors: InputError that names the argument."""
    return {name: _input(binder.by_name.get(name), project, name, text) for name, text in inputs.items()}


def _converted(parameter: Parameter, value: Any) -> Any:
    """A typed text is JSON where that fits the hint, else the text itself: `--param name=007` is a str for a str."""
    if not isinstance(value, Typed):
        return convert_one(parameter, value)
    try:
        return convert_one(parameter, msgspec.json.decode(str(value)))
    except (msgspec.MsgspecError, RecursionError):
        return convert_one(parameter, str(value), lax=True)
    except FieldsError as error:
        try:
            return convert_one(parameter, str(value), lax=True)
        except FieldsError:
            raise error from None


def plain(value: Any) -> Any:
    """A value that no hint converts: what was typed is JSON where it is JSON, else text."""
    if not isinstance(value, Typed):
        return value
    try:
        return msgspec.json.decode(str(value))
    except (msgspec.MsgspecError, RecursionError):
        return str(value)


def _input(parameter: Parameter | None, project: Project, name: str, text: str) -> Any:
    entity = resolve(project, name, text)
    hint = parameter.hint if parameter else Any
    try:
        return _as_hinted(parameter, hint, entity)
    except FieldsError as error:
        raise InputError(f"input {name!r} ({entity.key}) does not fit its hint: {error.message}") from None
    except OvenbirdError as error:
        raise InputError(f"input {name!r}: {error.message}", hint=error.hint) from error
    except Exception as error:
        kind = getattr(hint, "__name__", str(hint))
        raise InputError(
            f"input {name!r} ({entity.key}) cannot be read as {kind}: {summary(error)}",
            hint="without a hint the handler gets the entity itself, and reads it as it likes",
        ) from error


def _as_hinted(parameter: Parameter | None, hint: Any, entity: Material) -> Any:
    """An entity as a DataFrame, a path, bytes or text; other hints are met by its JSON content; no hint, the entity."""
    if parameter is None or hint is Any or (not isinstance(hint, type) and not getattr(hint, "__args__", ())):
        return entity
    if isinstance(hint, type):
        package = hint.__module__.partition(".")[0]
        if isinstance(entity, hint) or package == "digitalhub" or hint.__name__ in ("Dataitem", "Artifact", "Model"):
            return entity
        if hint.__name__ == "DataFrame" and package in ("pandas", "polars"):
            return entity.as_df(engine=package)
        if issubclass(hint, Path) or hint is Path:
            return hint(entity.download())
        if hint in (bytes, str):
            path = _one_file(entity)
            return path.read_bytes() if hint is bytes else path.read_text(encoding="utf-8")
    return convert_one(parameter, msgspec.json.decode(_one_file(entity).read_bytes()))


def _one_file(entity: Material) -> Path:
    files = entity.as_file()
    if len(files) != 1:
        raise InputError(f"{entity.key} holds {len(files)} files, and the hint asks for the content of one")
    return Path(files[0])

"""The arguments of a job: names that fit the handler, parameters converted to their hints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..common.text import show_value
from ..errors import ArgumentsError
from ..function.bind import Binder, FieldsError, Parameter, convert_one
from ..function.nearby import near
from ..platform.json_values import json_value
from ..settings import Typed

_PLAIN = (bool, int, float, str)


def check_names(binder: Binder, parameters: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
    """Refuse names that the handler does not have, and those that are missing. Errors: ArgumentsError, all at once."""
    if why := binder.only_served():
        raise ArgumentsError(f"the function cannot be run as a job: {why}", hint="ovenbird serve, or ovenbird invoke")
    twice = sorted(set(parameters) & set(inputs))
    problems = [f"{show_value(name)} is given as a parameter and as an input" for name in twice]
    known = [parameter.name for parameter in binder.parameters]
    if not binder.rest:
        for name in [name for name in (*parameters, *inputs) if name not in known]:
            reserved = "is filled by Ovenbird" if name in binder.reserved else "is not an argument of the handler"
            hint = near(name, known)
            problems.append(f"{show_value(name)} {reserved}{f', {hint}' if hint else ''}")
    missing = [p.name for p in binder.parameters if p.required and p.name not in parameters and p.name not in inputs]
    problems += [f"{show_value(name)} is missing" for name in missing]
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


def _converted(parameter: Parameter, value: Any) -> Any:
    """A typed text is JSON where that fits the hint, else the text itself: `--param name=007` is a str for a str."""
    if not isinstance(value, Typed):
        return convert_one(parameter, value)
    try:
        return convert_one(parameter, msgspec.json.decode(str(value)))
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return convert_one(parameter, str(value), lax=True)
    except FieldsError as error:
        try:
            return convert_one(parameter, str(value), lax=True)
        except FieldsError:
            raise error from None


def effective(
    binder: Binder, parameters: Mapping[str, Any], values: Mapping[str, Any], inputs: Mapping[str, str]
) -> dict[str, Any]:
    """Return the parameters that the call gets, as JSON values: those given as converted, and defaults for the rest."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        # of other types, what was given says more than the text of an object
        kept = value is None or isinstance(value, _PLAIN) or type(value).__module__ == "decimal"
        found[name] = json_value(value if kept else plain(parameters[name]))
    for parameter in binder.parameters:
        if not parameter.required and parameter.name not in values and parameter.name not in inputs:
            found[parameter.name] = json_value(parameter.default)
    return found


def plain(value: Any) -> Any:
    """A value that no hint converts: what was typed is JSON where it is JSON, else text."""
    if not isinstance(value, Typed):
        return value
    try:
        return msgspec.json.decode(str(value))
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return str(value)

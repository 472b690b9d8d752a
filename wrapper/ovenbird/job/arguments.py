"""The arguments of a job: check their names against the handler, and convert parameters to their hints."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from ..common.did_you_mean import suggest_names
from ..common.setting_values import RawArgument, RawJson
from ..common.text import show_value
from ..errors import ArgumentsError
from ..function.binder import Binder, Parameter, PayloadValidationError, convert_one
from ..function.convert import TABLES
from ..function.instances import is_instance, with_plain_numbers
from ..function.type_hints import is_class_named, union_members
from ..function.validation_errors import FieldError
from ..platform.entities.json_values import json_value

_PLAIN = (bool, int, float, str)


def check_names(binder: Binder, parameters: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
    """Raise ArgumentsError that lists all names which the handler does not have, and all that are missing."""
    if why := binder.explain_served_only():
        raise ArgumentsError(
            f"the function cannot be run as a job: {why}", hint="`ovenbird serve`, or `ovenbird invoke`"
        )
    twice = sorted(set(parameters) & set(inputs))
    problems = [f"{show_value(name)} is given as a parameter and as an input" for name in twice]
    names = [parameter.name for parameter in binder.parameters]
    if not binder.takes_rest:
        for name in [name for name in (*parameters, *inputs) if name not in names]:
            reserved = "is filled by Ovenbird" if name in binder.reserved else "is not an argument of the handler"
            hint = suggest_names(name, names)
            problems.append(f"{show_value(name)} {reserved}{f', {hint}' if hint else ''}")
    missing = [p.name for p in binder.parameters if p.required and p.name not in parameters and p.name not in inputs]
    problems += [f"{show_value(name)} is missing" for name in missing]
    if problems:
        raise ArgumentsError(
            "the arguments do not fit: " + "; ".join(problems), hint="`ovenbird check` shows what the handler takes"
        )


def convert(binder: Binder, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters, each converted to its hint. Errors: ArgumentsError that lists all that do not fit."""
    converted: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in parameters.items():
        parameter = binder.by_name.get(name)
        try:
            converted[name] = _convert_parameter(parameter, value) if parameter else parse_plain(value)
        except PayloadValidationError as error:
            problems += [f"{field or name}: {message}" for field, message in error.problems]
    if problems:
        raise ArgumentsError("parameters do not fit their hints: " + "; ".join(problems))
    return converted


def _convert_parameter(parameter: Parameter, value: Any) -> Any:
    """Return a value converted to the hint of its parameter. Errors: PayloadValidationError.

    Text from the command line is read as JSON if that fits the hint, else as text: `--param name=007` is the text `007`
    for a `str`, and the number 7 for an `int`.
    """
    if isinstance(value, RawJson):
        return _from_json(parameter, value)
    if not isinstance(value, RawArgument):
        return _from_object(parameter, value)
    try:
        return _from_json(parameter, value)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return _from_text(parameter, str(value))
    except PayloadValidationError as error:
        try:
            return _from_text(parameter, str(value))
        except PayloadValidationError:
            raise error from None


def _from_object(parameter: Parameter, value: Any) -> Any:
    """Return an object of this process, converted; as it is, if it is an instance of the hint.

    Errors: PayloadValidationError.
    """
    try:
        return convert_one(parameter, value)
    except PayloadValidationError:
        if is_instance(value, parameter.hint):
            return value
        if (plain := with_plain_numbers(value)) is value:
            raise
    return convert_one(parameter, plain)


def effective_parameters(
    binder: Binder, parameters: Mapping[str, Any], values: Mapping[str, Any], inputs: Mapping[str, str]
) -> dict[str, Any]:
    """Return the parameters of the call as JSON values: the converted ones, and the defaults of all others."""
    effective_values: dict[str, Any] = {}
    for name, value in values.items():
        # for other types, the original value says more than the text of the converted object
        is_plain = value is None or isinstance(value, _PLAIN) or type(value).__module__ == "decimal"
        effective_values[name] = json_value(value if is_plain else parse_plain(parameters[name]))
    for parameter in binder.parameters:
        if not parameter.required and parameter.name not in values and parameter.name not in inputs:
            effective_values[parameter.name] = json_value(parameter.default)
    return effective_values


def _from_json(parameter: Parameter, text: str) -> Any:
    """Return the value of a JSON text, converted. A number is converted from its text, so a Decimal keeps all digits.

    Errors: a decoding error, such as msgspec.MsgspecError, for invalid JSON; PayloadValidationError if the value does
    not fit the hint.
    """
    value = msgspec.json.decode(str(text))
    if isinstance(value, (float, list, dict)) and (decode := getattr(parameter.converter, "decode", None)):
        with contextlib.suppress(ValueError, RecursionError):
            return decode(text.encode())
    return convert_one(parameter, value)


def _from_text(parameter: Parameter, text: str) -> Any:
    """Return a text, converted. A number may have any form that Python's `int` or `float` reads.

    Errors: PayloadValidationError.
    """
    try:
        return convert_one(parameter, text, lax=True)
    except PayloadValidationError as error:
        for number in [member for member in (int, float) if member in union_members(parameter.hint)]:
            with contextlib.suppress(ValueError, PayloadValidationError):
                return convert_one(parameter, number(text))
        if any(is_class_named(member, *table) for table in TABLES for member in union_members(parameter.hint)):
            hint = f"a file, a URL or a key is given as `--input {parameter.name}={text}`"
            raise PayloadValidationError([FieldError(parameter.name, f"{error.problems[0][1]}; {hint}")]) from None
        raise


def parse_plain(value: Any) -> Any:
    """Return a value without a hint. Text from the command line is parsed if it is JSON."""
    if not isinstance(value, (RawArgument, RawJson)):
        return value
    try:
        return msgspec.json.decode(str(value))
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return str(value)

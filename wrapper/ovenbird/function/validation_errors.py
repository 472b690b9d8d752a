"""The errors of a payload, field by field. msgspec stops at the first one; a client gets all of them."""

from __future__ import annotations

import re
import sys
import typing
from collections.abc import Iterable
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from ..common.did_you_mean import did_you_mean
from ..errors import ArgumentsError
from .type_hints import MANY, field_hints, has_fields, is_pydantic, unwrap_optional

_PATH = re.compile(r" - at `\$(.*)`$")
_MOST = 20  # errors that are reported for one list, or unknown fields
_EXAMINED = 10_000  # items of a list that are examined; without a limit, a client decides how long that takes
_FARTHEST = 500  # characters of a path; values with a longer path are not examined
_LONGEST = 60  # characters of a name from the client that are shown


class FieldError(NamedTuple):
    """One field that does not fit: its path (`items[2].price`), and what was expected and found."""

    field: str
    message: str


class MalformedPayloadError(ArgumentsError):
    """The payload is not what its media type says: it cannot be parsed at all."""

    code = "arguments.malformed"


class PayloadValidationError(ArgumentsError):
    """The payload was parsed and does not fit the handler; `problems` names each field."""

    code = "arguments.fields"

    def __init__(self, problems: list[FieldError]) -> None:
        super().__init__("; ".join(f"{field or 'payload'}: {message}" for field, message in problems))
        self.problems = problems


def collect_errors(value: Any, hint: Any, path: str, convert: Any, lax: bool) -> list[FieldError]:
    """Return an error, with its path, for every part of `value` that does not fit `hint`; empty when all fits.

    `convert(value, hint, lax)` raises for a part that does not fit. It is called again for each part of such a
    part. That is slow, and happens only before a 422.
    """
    try:
        convert(value, hint, lax)
    except msgspec.ValidationError as error:
        bare, cause = unwrap_optional(hint), error.__cause__
        if is_pydantic(bare) and is_pydantic_error(cause):
            return _convert_pydantic(cause, path)
        errors = _check_members(value, bare, path, convert, lax) if len(path) < _FARTHEST else []
        return errors or [_convert_msgspec(error, path)]
    except ValueError as error:
        if not is_pydantic_error(error):
            raise
        return _convert_pydantic(error, path)
    return []


def collect_unknown_fields(keys: Iterable[Any], names: Iterable[str], path: str = "") -> list[FieldError]:
    """Return an error for each field that the handler does not know, with a similar known name as hint."""
    candidates, errors = list(names), []
    for key in keys:
        text = str(key)
        hint = did_you_mean(text, candidates) if len(text) <= _LONGEST else ""
        errors.append(FieldError(_join_path(path, text), "unknown field" + (f", {hint}" if hint else "")))
        if len(errors) == _MOST:
            break
    return errors


def is_pydantic_error(error: BaseException | None) -> bool:
    """Return whether an error is a ValidationError of the user's pydantic."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(error, pydantic.ValidationError)


def json_type_name(value: Any) -> str:
    """Return the JSON type of a parsed value in words."""
    words = {
        type(None): "null",
        list: "an array",
        str: "a string",
        bool: "a boolean",
        bytes: "binary",
        dict: "an object",
    }
    return words.get(type(value), "a number")


def _check_members(value: Any, hint: Any, path: str, convert: Any, lax: bool) -> list[FieldError]:
    """Return the errors of an object's fields or of a list's items; empty when the value is neither."""
    if isinstance(value, dict) and has_fields(hint):
        return _check_fields(value, hint, path, convert, lax)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    pairs: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict) and origin is dict:
        pairs = ((_join_path(path, str(key)), part) for key, part in value.items())
    elif isinstance(value, list) and origin in MANY and (origin is not tuple or parts[1:] == (...,)):
        pairs = ((f"{path}[{index}]", part) for index, part in enumerate(value))
    errors: list[FieldError] = []
    for where, part in islice(pairs, _EXAMINED):
        errors += collect_errors(part, parts[-1] if origin is dict else parts[0], where, convert, lax)
        if len(errors) >= _MOST:
            break
    return errors


def _check_fields(value: dict[Any, Any], hint: Any, path: str, convert: Any, lax: bool) -> list[FieldError]:
    info: Any = msgspec.inspect.type_info(hint)
    hints, errors = field_hints(hint), []
    for field in getattr(info, "fields", ()):
        name = field.encode_name
        if name in value:
            errors += collect_errors(value[name], hints[name], _join_path(path, name), convert, lax)
        elif field.required:
            errors.append(FieldError(_join_path(path, name), "missing"))
    if getattr(info, "forbid_unknown_fields", False):
        allowed = {*hints, getattr(info, "tag_field", None)}
        errors += collect_unknown_fields((key for key in value if key not in allowed), hints, path)
    return errors


def _convert_pydantic(error: Any, path: str) -> list[FieldError]:
    """Return an error for each one in a pydantic ValidationError."""
    errors = []
    for item in error.errors(include_url=False, include_context=False, include_input=False)[:_MOST]:
        where = path
        for part in item["loc"]:
            where = f"{where}[{part}]" if isinstance(part, int) else _join_path(where, str(part))
        errors.append(FieldError(where, item["msg"]))
    return errors


def _convert_msgspec(error: msgspec.ValidationError, path: str) -> FieldError:
    """Return the error of a text such as `Expected int, got str - at $.a[0]`, with its path below `path`."""
    text = str(error)
    match = _PATH.search(text)
    where = match[1].replace("[...]", "[]") if match else ""
    return FieldError((path + where).lstrip("."), _PATH.sub("", text).replace("`", ""))


def _join_path(path: str, name: str) -> str:
    name = name if len(name) <= _LONGEST else name[:_LONGEST] + "..."
    return f"{path}.{name}" if path else name

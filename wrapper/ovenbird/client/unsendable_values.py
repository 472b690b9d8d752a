"""Values that neither JSON nor UTF-8 can hold: NaN, infinities and lone surrogates, found before a call is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from ..common.text import show_value
from ..serve.response.json_encode import class_names, encode_custom
from .errors import ArgumentsMismatchError

_TABLES = {f"{package}.{kind}" for package in ("pandas", "polars") for kind in ("DataFrame", "Series", "Index")}
_NUMBER_HINT = "send `None` where the function takes it, or leave the value out"
_TEXT_HINT = "decode bytes by the encoding that they have; `text.encode('utf-8', 'replace').decode()` puts `?` there"


def check_json(value: Any, where: str) -> None:
    """Raise ArgumentsMismatchError for the first value that would arrive as another one, or that no body can hold.

    `where` names the value in the error, empty for the arguments of a call. NaN in a table is a missing value.
    """
    try:
        plain = msgspec.to_builtins(value, enc_hook=_convert, str_keys=True)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.EncodeError):
        return  # a value of another kind, which encoding names
    _check(plain, where)


def encode_text(text: str, where: str) -> bytes:
    """Return text as UTF-8. Errors: ArgumentsMismatchError for a lone surrogate; `where` names the text."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:  # the text itself is not shown: it may be a secret
        surrogate = show_value(text[error.start])
        raise ArgumentsMismatchError(
            f"{where} holds {surrogate} at position {error.start}: half of a surrogate pair is no text", hint=_TEXT_HINT
        ) from None


def check_texts(values: Mapping[str, Any], what: str) -> None:
    """Raise ArgumentsMismatchError for a name or a value of a form or a query that holds a lone surrogate."""
    for name, value in values.items():
        encode_text(str(name), f"a name in `{what}`")
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, str):
                encode_text(part, f"`{what}`: {show_value(name)}")


def _convert(value: Any) -> Any:
    plain = encode_custom(value)
    if not class_names(type(value)) & _TABLES:
        return plain
    return _replace_missing(msgspec.to_builtins(plain, enc_hook=_convert, str_keys=True))


def _replace_missing(value: Any) -> Any:
    """Return built-in values with None for NaN."""
    if isinstance(value, dict):
        return {key: _replace_missing(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replace_missing(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _check(value: Any, path: str) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            name = "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
            raise ArgumentsMismatchError(f"{_name(path)} is {name}, which JSON does not have", hint=_NUMBER_HINT)
    elif isinstance(value, str):
        encode_text(value, _name(path))
    elif isinstance(value, dict):
        for key, part in value.items():
            encode_text(str(key), f"a name in {_name(path)}")
            _check(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            _check(part, f"{path}[{index}]")


def _name(path: str) -> str:
    return f"`{path}`" if path else "the value"

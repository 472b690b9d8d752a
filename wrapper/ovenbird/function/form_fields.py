"""The fields of a form or query: pairs of a name and a text or file, some names more than once.

Their texts are what browsers send: a box that is ticked is `on`, an input that was left empty has an empty text, a
`datetime-local` has no seconds, a month is `2024-05` and a week `2024-W18`.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import typing
from collections.abc import Iterable
from typing import Any

import msgspec

from .type_hints import field_hints, is_class_named, is_many, is_scalar, union_members, unwrap_optional

Pairs = Iterable[tuple[str, Any]]


def group_values(pairs: Pairs) -> dict[str, list[Any]]:
    """Return all values of each name, in order."""
    groups: dict[str, list[Any]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


CHARSET_FIELD = "_charset_"  # a browser's own: HTML standard, 4.10.21.4
_SWITCH = {"on": True, "yes": True, "off": False, "no": False}
_MINUTES = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[T ])?[0-9]{2}:[0-9]{2}")
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")


def drop_empty(values: list[Any], hint: Any) -> list[Any]:
    """Return the values of one name without those that were left empty: texts, unless the hint takes any text."""
    return values if "" not in values or _takes_text(hint) else [value for value in values if value != ""]


def as_hinted(values: list[Any], hint: Any) -> Any:
    """Return the values of one name in the form that a hint takes: a list, or the last value alone.

    A text that holds JSON is parsed where the hint holds more than a scalar: a part `meta={"a": 1}` next to a file.
    """
    if hint is Any:
        return values if len(values) > 1 else values[0]
    if not is_many(hint):
        return _parse_text(values[-1], hint)
    if len(values) == 1 and isinstance(values[0], str) and values[0].startswith("["):
        parsed = _parse_text(values[0], hint)
        if isinstance(parsed, list):
            return parsed
    items = typing.get_args(unwrap_optional(hint)) or (Any,)
    return [_parse_text(value, items[0]) for value in values]


def as_object(pairs: Pairs, hint: Any) -> dict[str, Any]:
    """Return fields as one object for a hint. Its own fields say which of them are lists."""
    hints = field_hints(unwrap_optional(hint))
    members = {}
    for key, values in group_values(pairs).items():
        if key == CHARSET_FIELD and hints and key not in hints:
            continue
        texts = drop_empty(values, hints.get(key, Any))
        if texts:
            members[key] = as_hinted(texts, hints.get(key, Any))
        elif is_many(hints[key]):
            members[key] = []
    return members


def _takes_text(hint: Any) -> bool:
    """Return whether the hint, or the items of its list, accept an empty text: then it is not dropped."""
    if hint is Any or hint is object:
        return True
    bare = unwrap_optional(hint)
    if is_many(bare):
        parts = typing.get_args(bare)
        return not parts or _takes_text(parts[0])
    return is_class_named(bare, "UploadFile", "starlette", "fastapi") or any(
        member in (Any, str, bytes) or typing.get_origin(member) is typing.Literal for member in union_members(hint)
    )


def _normalize_text(text: str, hint: Any) -> Any:
    """Return the text of a browser's input in the form that the hint's conversion takes."""
    kind = unwrap_optional(hint)
    if kind is bool:
        return _SWITCH.get(text.lower(), text)
    if kind in (datetime.datetime, datetime.time) and _MINUTES.fullmatch(text):
        return f"{text}:00"
    if kind is datetime.date:
        if _MONTH.fullmatch(text):
            return f"{text}-01"
        match = _WEEK.fullmatch(text)
        if match:
            with contextlib.suppress(ValueError):
                return datetime.date.fromisocalendar(int(match[1]), int(match[2]), 1).isoformat()
    return text


def _parse_text(value: Any, hint: Any) -> Any:
    if not isinstance(value, str) or hint is Any:
        return value
    if is_scalar(hint):
        return _normalize_text(value, hint)
    if value[:1] not in ("{", "["):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value

"""Read the values that a form was filled with. Each field that does not fit has an error; what was typed stays."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..common.text import show_value
from .field import NO_DEFAULT, REST, Field, FieldKind
from .schema_values import check_value, resolve_reference

_MISSING = "This field is required."
_LONGEST = 200  # characters of a value in a message
_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")  # CPython reads no more than 4300 digits
_MINUTES = re.compile(r".*(?:^|[T ])[0-9]{2}:[0-9]{2}")


@dataclass(frozen=True)
class FormResult:
    """What a form was filled with.

    `values`: the arguments, without those that are as their defaults. `errors`: texts by the name of the field.
    `typed`: the texts of each field as they came, to fill the form again. `files`: the files of each field.
    """

    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    typed: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, list[Any]] = field(default_factory=dict)


class _RefusedText(ValueError):
    """A text that is no value of its field; the message is for the person who typed it."""


def parse_form(fields: Iterable[Field], pairs: Iterable[tuple[str, Any]]) -> FormResult:
    """Return the values of a submitted form. `pairs`: names with texts, or with files, in the order of the form.

    The value of a file is not read: it is in `files`, by its field. A secret is not in `typed`.
    """
    given: dict[str, list[Any]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    result = FormResult()
    for item in fields:
        texts = [value for value in given.get(item.name, ()) if isinstance(value, str)]
        if item.kind is FieldKind.FILE:
            _read_files(item, given.get(item.name, []), result)
            continue
        if item.kind is not FieldKind.SECRET:
            result.typed[item.name] = texts
        if item.takes_files and (files := _choose_files(given.get(item.name, []))):
            _add_files(item, files, texts, result)
            continue
        try:
            value = read_value(item, texts)
        except _RefusedText as error:
            result.errors[item.name] = str(error)
            continue
        if value is NO_DEFAULT:
            continue
        if item.name == REST:
            _add_rest(value, result)
        elif value != item.default or isinstance(value, bool) is not isinstance(item.default, bool):
            result.values[item.name] = value
    return result


def read_value(field: Field, texts: list[str]) -> Any:
    """Return the value of one field, NO_DEFAULT for none. Errors: ValueError with a text for people."""
    value = _READERS[field.kind](field, texts)
    if value is NO_DEFAULT:
        if field.required:
            raise _RefusedText(_MISSING)
        return NO_DEFAULT
    if value is None and field.nullable:
        return None
    errors = check_value(value, field.schema, field.root)
    if errors:
        raise _RefusedText(
            "; ".join(f"{path}: {text}" if path else f"{text[:1].upper()}{text[1:]}" for path, text in errors) + "."
        )
    return value


def _read_files(field: Field, values: list[Any], result: FormResult) -> None:
    """Add the files of a field. A browser sends a file without a name for an input that was left empty."""
    chosen = [*(value for value in values if isinstance(value, str) and value), *_choose_files(values)]
    if chosen:
        result.files[field.name] = chosen
    elif field.required:
        result.errors[field.name] = "Choose a file." if not field.many else "Choose one file or more."


def _choose_files(values: list[Any]) -> list[Any]:
    return [value for value in values if not isinstance(value, str) and getattr(value, "filename", None)]


def _add_files(field: Field, files: list[Any], texts: list[str], result: FormResult) -> None:
    """Add files that stand for paths: beside those that are typed in a list, in place of any other text."""
    if len(files) > 1 and not field.many:
        result.errors[field.name] = f"Choose one file: these are {len(files)}."
        return
    if any(map(str.strip, texts)) and field.kind is not FieldKind.LIST:
        result.errors[field.name] = "Either choose a file or write where it is: both were given."
        return
    try:
        paths = read_value(field, texts) if any(map(str.strip, texts)) else []
    except _RefusedText as error:
        result.errors[field.name] = str(error)
        return
    result.files[field.name] = files
    if field.kind is FieldKind.LIST:
        result.values[field.name] = paths


def _add_rest(value: dict[str, Any], result: FormResult) -> None:
    taken = sorted(set(value) & set(result.typed))
    if taken:
        result.errors[REST] = f"{', '.join(taken)}: has a field of its own."
    else:
        result.values.update(value)


def _last(texts: list[str]) -> str:
    return texts[-1].strip() if texts else ""


def _read_empty(field: Field) -> Any:
    """Return the value of a field that was left empty: None where that is not what is filled in anyway."""
    return None if field.nullable and field.default is not None else NO_DEFAULT


def _read_empty_list(field: Field) -> Any:
    """Return the value of a list that was left empty: of one whose default is not known, nothing."""
    if field.nullable or (field.default is NO_DEFAULT and not field.required):
        return _read_empty(field)
    return []


def _read_integer(field: Field, texts: list[str]) -> Any:
    text = _last(texts).replace("_", "").replace("\u2212", "-")
    if not text:
        return _read_empty(field)
    if not _WHOLE.fullmatch(text):
        raise _RefusedText(f"Expected a whole number, found {_show(text)}.")
    return int(text)


def _read_number(field: Field, texts: list[str]) -> Any:
    text = _last(texts).replace("_", "").replace("\u2212", "-")
    if not text:
        return _read_empty(field)
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        raise _RefusedText(f"Expected a number, such as 1.5, found {_show(text)}.") from None
    if not math.isfinite(number):
        raise _RefusedText("Expected a finite number: JSON has no other.")
    return number


def _read_text(field: Field, texts: list[str]) -> Any:
    text = texts[-1].replace("\r\n", "\n") if texts else ""
    if text:
        return text
    if field.nullable:
        return _read_empty(field)
    return "" if texts and isinstance(field.default, str) else NO_DEFAULT  # a default that was cleared


def _read_secret(_: Field, texts: list[str]) -> Any:
    return texts[-1] if texts and texts[-1] else NO_DEFAULT


def _read_switch(_: Field, texts: list[str]) -> Any:
    return bool(texts) and texts[-1].lower() in ("on", "true", "yes", "1")


def _read_choice(field: Field, texts: list[str]) -> Any:
    """Return the choice whose JSON, or whose text, was sent."""
    text = _last(texts)
    if not text:
        return _read_empty(field)
    return _find_choice(field, text)


def _read_choices(field: Field, texts: list[str]) -> Any:
    chosen = [_find_choice(field, text) for text in texts if text]
    return chosen or _read_empty_list(field)


def _find_choice(field: Field, text: str) -> Any:
    for write in (format_json, str):
        for choice in field.choices:
            if text == write(choice):
                return choice
    raise _RefusedText(f"Expected one of {', '.join(map(_show, field.choices[:20]))}, found {_show(text)}.")


def _read_date(field: Field, texts: list[str]) -> Any:
    return _read_moment(field, texts, datetime.date.fromisoformat, "a date, such as 2024-01-31")


def _read_date_time(field: Field, texts: list[str]) -> Any:
    return _read_moment(field, texts, datetime.datetime.fromisoformat, "a date and a time, such as 2024-01-31T12:00:00")


def _read_time(field: Field, texts: list[str]) -> Any:
    return _read_moment(field, texts, datetime.time.fromisoformat, "a time, such as 12:00:00")


def _read_moment(field: Field, texts: list[str], parse: Callable[[str], Any], expected: str) -> Any:
    """Return a date or time as JSON has it: with seconds, which a browser leaves out."""
    text = _last(texts)
    if not text:
        return _read_empty(field)
    zone = "+00:00" if text.endswith(("Z", "z")) else ""  # which Python 3.10 does not read
    try:
        parse(text[:-1] + zone if zone else text)
    except ValueError:
        raise _RefusedText(f"Expected {expected}, found {_show(text)}.") from None
    return f"{text}:00" if _MINUTES.fullmatch(text) else text


def _read_list(field: Field, texts: list[str]) -> Any:
    """Return a list of scalars from lines, or from a JSON array."""
    text = "\n".join(texts).strip()
    if not text:
        return _read_empty_list(field)
    if text.startswith("["):
        return _read_json(field, [text])
    item = _item_field(field)
    values = []
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines())), 1):
        try:
            values.append(_READERS[item.kind](item, [line]))
        except _RefusedText as error:
            raise _RefusedText(f"Line {number}: {error}") from None
    return values


def _item_field(field: Field) -> Field:
    from .schema_fields import make_field

    items = resolve_reference(field.schema.get("items", {}), field.root)
    return make_field("", items, field.root, required=True)


def _read_json(field: Field, texts: list[str]) -> Any:
    """Return a JSON value. Where a field takes text beside other values, what is no JSON is a text."""
    text = _last(texts)
    if not text:
        return _read_empty(field)
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_read_finite)
    except RecursionError:
        raise _RefusedText("The JSON is nested too deeply.") from None
    except json.JSONDecodeError as error:
        if takes_text(field):
            return text
        raise _RefusedText(f"No JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from None
    except ValueError as error:  # a constant, or an integer of too many digits
        raise _RefusedText(f"No JSON: {error}.") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not in JSON")


def _read_finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{_show(text)} is larger than any float")
    return number


def _read_input(_: Field, texts: list[str]) -> Any:
    return _last(texts) or NO_DEFAULT


def takes_text(field: Field) -> bool:
    """Return whether a field that is typed as JSON takes any text too."""
    schema = resolve_reference(field.schema, field.root)
    if not set(schema) & {"type", "anyOf", "oneOf", "enum", "const", "allOf"}:
        return True
    members = [resolve_reference(member, field.root) for member in schema.get("anyOf", [schema])]
    return any("string" in (member.get("type") or ()) for member in members)


def format_json(value: Any) -> str:
    """Return a value as one line of JSON; letters stay as they are."""
    return json.dumps(value, ensure_ascii=False)


def _show(value: Any) -> str:
    return show_value(value, _LONGEST)


_READERS: dict[FieldKind, Callable[[Field, list[str]], Any]] = {
    FieldKind.INTEGER: _read_integer,
    FieldKind.NUMBER: _read_number,
    FieldKind.TEXT: _read_text,
    FieldKind.SECRET: _read_secret,
    FieldKind.SWITCH: _read_switch,
    FieldKind.CHOICE: _read_choice,
    FieldKind.CHOICES: _read_choices,
    FieldKind.DATE: _read_date,
    FieldKind.DATE_TIME: _read_date_time,
    FieldKind.TIME: _read_time,
    FieldKind.LIST: _read_list,
    FieldKind.JSON: _read_json,
    FieldKind.INPUT: _read_input,
}

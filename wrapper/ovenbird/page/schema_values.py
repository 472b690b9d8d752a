"""Check a JSON value against a JSON Schema: those words of it that schemas of hints have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..common.text import show_value

_MOST = 20  # errors of one value
_DEPTH = 50  # levels of `$ref` and of nested values; deeper ones are left to the function
_LONGEST = 200  # characters of a value in a message


class SchemaError(NamedTuple):
    """A part of a value that does not fit: its path (`items[2].price`, empty for the value) and what was expected."""

    path: str
    message: str


def resolve_reference(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without `$ref` at its top. What stands beside a reference wins over what it refers to.

    A reference that leads nowhere, or round in a circle, gives a schema that takes anything.
    """
    node: dict[str, Any] = schema if isinstance(schema, dict) else {}
    for _ in range(_DEPTH):
        parts = node.get("allOf")
        if isinstance(parts, list) and len(parts) == 1 and isinstance(parts[0], dict):  # pydantic before 2.9
            node = {**parts[0], **{key: value for key, value in node.items() if key != "allOf"}}
        reference = node.get("$ref")
        if not isinstance(reference, str):
            return node
        node = {**_follow(reference, root), **{key: value for key, value in node.items() if key != "$ref"}}
    return {}


def check_value(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> list[SchemaError]:
    """Return an error for each part of `value` that does not fit; empty when all fits. At most 20.

    A word that is not known here is no restriction: the function has the last word.
    """
    errors: list[SchemaError] = []
    for error in _check(value, schema, root, "", 0):
        errors.append(error)
        if len(errors) == _MOST:
            break
    return errors


def _follow(reference: str, root: Any) -> dict[str, Any]:
    node = root
    for part in reference.removeprefix("#").split("/")[1:]:
        node = node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def _check(value: Any, schema: Any, root: dict[str, Any], path: str, depth: int) -> Iterator[SchemaError]:
    if schema is False:
        yield SchemaError(path, "not allowed here")
    if not isinstance(schema, dict) or depth > _DEPTH:
        return
    schema = resolve_reference(schema, root)
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(kinds, list) and not any(_is_type(value, kind) for kind in kinds):
        yield SchemaError(
            path, f"expected {' or '.join(_WORDS.get(kind, str(kind)) for kind in kinds)}, found {_show(value)}"
        )
        return
    yield from _check_choice(value, schema, root, path, depth)
    if isinstance(value, bool) or value is None:
        return
    for kind, check in _CHECKS:
        if isinstance(value, kind):
            yield from check(value, schema, root, path, depth)


def _check_choice(
    value: Any, schema: dict[str, Any], root: dict[str, Any], path: str, depth: int
) -> Iterator[SchemaError]:
    """Check `enum`, `const`, `anyOf`, `oneOf` and `allOf`."""
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(values, list) and not any(_is_same(value, choice) for choice in values):
        yield SchemaError(path, f"expected one of {', '.join(map(_show, values[:_MOST]))}, found {_show(value)}")
    for part in schema.get("allOf", ()):
        yield from _check(value, part, root, path, depth + 1)
    members = schema.get("anyOf") or schema.get("oneOf") or ()
    results = [list(_check(value, member, root, path, depth + 1)) for member in members]
    if results and all(results):
        # the member that came furthest says most: its error lies deepest
        yield from max(results, key=lambda errors: max(len(error.path) for error in errors))


def _check_number(value: float, schema: dict[str, Any], _: Any, path: str, __: int) -> Iterator[SchemaError]:
    for word, fails, text in _LIMITS:
        limit = schema.get(word)
        if isinstance(limit, (int, float)) and fails(value, limit):
            yield SchemaError(path, f"expected {text} {limit}, found {_show(value)}")


def _check_text(value: str, schema: dict[str, Any], _: Any, path: str, __: int) -> Iterator[SchemaError]:
    least, most, pattern = schema.get("minLength", 0), schema.get("maxLength"), schema.get("pattern")
    if len(value) < least:
        yield SchemaError(path, f"expected at least {_count(least, 'character')}, found {len(value)}")
    if most is not None and len(value) > most:
        yield SchemaError(path, f"expected at most {_count(most, 'character')}, found {len(value)}")
    if isinstance(pattern, str) and not _matches(pattern, value):
        yield SchemaError(path, f"expected text that matches {pattern}, found {_show(value)}")


def _check_list(
    value: list[Any], schema: dict[str, Any], root: dict[str, Any], path: str, depth: int
) -> Iterator[SchemaError]:
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    if len(value) < least:
        yield SchemaError(path, f"expected at least {_count(least, 'item')}, found {len(value)}")
    if most is not None and len(value) > most:
        yield SchemaError(path, f"expected at most {_count(most, 'item')}, found {len(value)}")
        return
    first = schema.get("prefixItems", [])
    for index, item in enumerate(value):
        part = first[index] if index < len(first) else schema.get("items")
        yield from _check(item, part, root, f"{path}[{index}]", depth + 1)


def _check_object(
    value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], path: str, depth: int
) -> Iterator[SchemaError]:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield SchemaError(_join(path, name), "missing")
    for name, part in value.items():
        if name not in known and schema.get("additionalProperties") is False:
            yield SchemaError(_join(path, name), f"unknown field; known are {', '.join(known) or 'none'}")
        else:
            yield from _check(
                part, known.get(name, schema.get("additionalProperties")), root, _join(path, name), depth + 1
            )


_CHECKS: tuple[tuple[Any, Callable[[Any, dict[str, Any], dict[str, Any], str, int], Iterator[SchemaError]]], ...] = (
    ((int, float), _check_number),
    (str, _check_text),
    (list, _check_list),
    (dict, _check_object),
)
_LIMITS: tuple[tuple[str, Callable[[float, float], bool], str], ...] = (
    ("minimum", lambda value, limit: value < limit, "at least"),
    ("exclusiveMinimum", lambda value, limit: value <= limit, "more than"),
    ("maximum", lambda value, limit: value > limit, "at most"),
    ("exclusiveMaximum", lambda value, limit: value >= limit, "less than"),
    ("multipleOf", lambda value, limit: limit > 0 and value % limit != 0, "a multiple of"),
)
_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list in [ ]",
    "object": "an object in { }",
    "null": "null",
}


def _is_type(value: Any, kind: Any) -> bool:
    if kind == "integer":
        return not isinstance(value, bool) and (
            isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        )
    if kind == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    classes = {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)}
    return isinstance(value, classes[kind]) if kind in classes else True


def _is_same(value: Any, other: Any) -> bool:
    """Return whether two JSON values are equal. In Python `True == 1`."""
    return isinstance(value, bool) is isinstance(other, bool) and value == other


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:  # a pattern that Python does not know is no restriction
        return True


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _show(value: Any) -> str:
    return show_value(value, _LONGEST)

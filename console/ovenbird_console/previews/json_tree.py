"""A JSON document as a tree that the page folds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ovenbird.common.text import cut_text, escape_controls

from .preview import JsonNode, JsonPreview, PreviewError

_MOST_NODES = 3000
_MOST_CHILDREN = 100
_DEEPEST = 25
_TEXT = 500  # characters of one text


def preview_json(text: str) -> JsonPreview:
    """Return the folded document. Errors: PreviewError with the line and column."""
    return JsonPreview(build_tree(parse_json(text)))


def parse_json(text: str) -> Any:
    """Return the value of a JSON text. Errors: PreviewError."""
    try:
        return json.loads(text, parse_int=_parse_integer)
    except RecursionError:
        raise PreviewError("this JSON is nested too deeply to be shown") from None
    except json.JSONDecodeError as error:
        raise PreviewError(f"this is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error


def _parse_integer(text: str) -> int | str:
    return int(text) if len(text) < 1000 else text  # Python refuses to read one of more than 4300 digits


def build_tree(value: Any, label: str = "") -> JsonNode:
    """Return the tree of a JSON value; long lists, deep levels and long texts are cut."""
    return _make_node(label, value, 0, iter(range(_MOST_NODES)))


def _make_node(label: str, value: Any, depth: int, room: Iterator[int]) -> JsonNode:
    label = cut_text(escape_controls(label[: _TEXT * 2]), 120)
    if not isinstance(value, (dict, list)):
        return JsonNode(label, *_describe_leaf(value))
    kind, noun = ("object", "fields") if isinstance(value, dict) else ("list", "items")
    summary = f"{len(value)} {noun if len(value) != 1 else noun[:-1]}"
    if depth >= _DEEPEST:
        return JsonNode(label, kind, summary, omitted=len(value))
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
    children = []
    for name, item in pairs[:_MOST_CHILDREN]:
        if next(room, None) is None:
            break
        children.append(_make_node(str(name), item, depth + 1, room))
    return JsonNode(label, kind, summary, tuple(children), len(pairs) - len(children))


def _describe_leaf(value: Any) -> tuple[str, str]:
    if isinstance(value, str):
        return "text", cut_text(escape_controls(value[: _TEXT * 2]), _TEXT)
    if value is None or isinstance(value, bool):
        return "constant", json.dumps(value)
    return "number", cut_text(json.dumps(value) if isinstance(value, float) else str(value), _TEXT)

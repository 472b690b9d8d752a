from __future__ import annotations

import json

import pytest

from ovenbird_console.previews.json_tree import build_tree, parse_json, preview_json
from ovenbird_console.previews.preview import JsonNode, PreviewError


def count(node: JsonNode) -> int:
    return 1 + sum(map(count, node.children))


def test_values_are_text_with_their_types() -> None:
    root = preview_json('{"a": [1, NaN, null, true], "<b>": "\\u001b[1m"}').root
    first, second = root.children
    assert (root.text, first.text, second.text) == ("2 fields", "4 items", "\\x1b[1m")
    assert [(leaf.type, leaf.text) for leaf in first.children] == [
        ("number", "1"), ("number", "NaN"), ("constant", "null"), ("constant", "true"),
    ]  # fmt: skip


def test_a_tree_is_bounded_in_width_depth_and_number() -> None:
    deep: list[object] = []
    for _ in range(200):
        deep = [deep]
    assert count(build_tree(deep)) < 40
    wide = build_tree([[0] * 1000] * 1000)
    assert (len(wide.children), wide.children[0].omitted, count(wide) < 3100) == (30, 900, True)
    assert wide.omitted == 970


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "", "1 2"], ids=["deep", "open", "empty", "two"])
def test_what_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises(PreviewError):
        parse_json(text)


def test_an_integer_of_any_length_is_read() -> None:
    assert parse_json("9" * 5000) == "9" * 5000
    assert json.dumps(parse_json("12")) == "12"

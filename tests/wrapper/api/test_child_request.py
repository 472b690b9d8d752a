"""What another process gets of a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ovenbird.api.child_request import make_plain
from ovenbird.errors import ArgumentsError


@dataclass
class Row:
    """A row."""

    name: str
    content: Any = None


@pytest.mark.parametrize(("value", "plain"), [
    pytest.param({"a": [1, None, {"x"}]}, {"a": [1, None, ["x"]]}, id="set"),
    pytest.param([Path("/a"), date(2024, 5, 1)], ["/a", "2024-05-01"], id="path"),
    pytest.param(Row("a", {"b": 1.5}), {"name": "a", "content": {"b": 1.5}}, id="data-class"),
])  # fmt: skip
def test_values_that_can_go(value: Any, plain: Any) -> None:
    """They become JSON values."""
    assert make_plain("rows", value) == plain


@pytest.mark.parametrize("value", [
    pytest.param(b"abc", id="bytes"), pytest.param([bytearray(b"abc")], id="bytearray"),
    pytest.param(Row("a", b"abc"), id="field"), pytest.param({1: "a"}, id="key"),
    pytest.param({"a": [{None: 1}]}, id="deep-key"), pytest.param(Row("a", {(1, 2): 3}), id="field-key"),
    pytest.param(object(), id="object"),
])  # fmt: skip
def test_values_that_would_arrive_as_others(value: Any) -> None:
    """Bytes, and keys that are no text, are refused: nothing changes on its way."""
    with pytest.raises(ArgumentsError, match=r"'rows' is of type .*, which another process cannot get"):
        make_plain("rows", value)

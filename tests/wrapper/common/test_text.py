"""Foreign values and text in messages and logs."""

from __future__ import annotations

import ast
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ovenbird.common.text import LIMIT, cut_text, escape_controls, escape_json, show_value
from ovenbird.errors import OvenbirdError

ROOT = Path(__file__).parents[3]
HARMFUL = [
    *map(chr, range(0x20)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u061c", "\u200e", "\u200f", "\u2028", "\u2029",
    *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\ufeff", "\ud800", "\udfff",
]  # fmt: skip


def nested(levels: int) -> Any:
    """A value of a few objects whose repr has 9 ** levels items."""
    value: Any = "x" * 20
    for _ in range(levels):
        value = [value] * 9
    return value


class Odd:
    """A value that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("it's", '"it\'s"'), (b"\x00", r"b'\x00'"), (None, "None"), (True, "True"), (1.5, "1.5"), (12, "12"),
        ([], "[]"), ([1, "a"], "[1, 'a']"), ((1,), "(1,)"), ((), "()"), ({1}, "{1}"),
        ({"a": {"b": [1]}}, "{'a': {'b': [1]}}"), ("\x1b[2J\n\u202e\x9b", r"'\x1b[2J\n\u202e\x9b'"),
        ([10**5000], "[<an integer of 16610 bits>]"), (Odd(), "<Odd>"), ([[[[[[1]]]]]], "[[[[[...]]]]]"),
    ],
)  # fmt: skip
def test_a_value_is_shown_as_its_repr(value: object, text: str) -> None:
    """Short values are written as Python writes them; values that are too deep or have no repr get a placeholder."""
    assert show_value(value) == text


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**7, "\x00" * 10**6, b"\xff" * 10**6, nested(40), {"a": nested(40)}, tuple(nested(3)),
        list(range(10**5)), {n: n for n in range(10**5)}, set(range(10**5)), [[]] * 10**5, Path("x" * 10**5),
        {"k" * 10**6: "v" * 10**6}, [10**400] * 1000,
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_every_value_is_one_short_line(value: object) -> None:
    """However large, and however large its repr would be: 9 ** 40 items could be neither walked over nor held."""
    output = show_value(value)
    assert output.isprintable()
    assert len(output) < 2 * LIMIT
    assert "..." in output


def test_a_list_that_holds_itself_is_shown() -> None:
    """Depth is bounded."""
    value: list[Any] = []
    value.append(value)
    assert show_value(value) == "[[[[[...]]]]]"


def test_the_ends_of_a_long_text_are_shown() -> None:
    """A path's name stands at its end."""
    assert cut_text("a" * 50 + "b" * 50, 20) == "a" * 11 + "..." + "b" * 6
    assert show_value("/" + "d" * 5000 + "/name.py").endswith("/name.py'")


@pytest.mark.parametrize("char", HARMFUL)
def test_what_a_terminal_obeys_is_escaped(char: str) -> None:
    """C0, DEL, C1, bidirectional controls, separators of lines, half of a surrogate pair; in JSON without loss."""
    assert ascii(char)[1:-1] in escape_controls(f"a{char}b")
    assert escape_controls(f"a{char}b").isprintable()
    if unicodedata.category(char) != "Cs":
        written = escape_json(json.dumps(f"a{char}b", ensure_ascii=False))
        assert written.isprintable()
        assert json.loads(written) == f"a{char}b"


@pytest.mark.parametrize("text", ["", "é", "日本　語", "a\u00a0b", "👩\u200d🚀", r"a\nb"])
def test_text_stays_as_it_is(text: str) -> None:
    """Letters of every script, their blanks, and the joiners of emoji."""
    assert escape_controls(text) == text
    assert escape_json(json.dumps(text, ensure_ascii=False)) == json.dumps(text, ensure_ascii=False)


def test_an_error_escapes_what_others_have_said() -> None:
    """A message keeps its own lines; controls in them, and lines of any length, do not pass."""
    error = OvenbirdError("a:\n  b \x1b[31m\u202e" + "x" * 10**6, hint="c\x9bd")
    assert error.message.startswith("a:\n  b \\x1b[31m\\u202exxx")
    assert len(error.message) < 5000
    assert error.hint == r"c\x9bd"


def unbounded(path: Path) -> Iterator[int]:
    """The lines of a module that write a value's whole repr into a text."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FormattedValue) and node.conversion == ord("r"):
            yield node.lineno


# figures of ours, in a format of its own; a script that the target's Python runs; a name that Python code asked for;
# a program that is shown to be pasted
_EXEMPT = (
    "wrapper/ovenbird/serve/observability/metrics.py",
    "builder/ovenbird_builder/layers/_compile.py",
    "wrapper/ovenbird/__init__.py",
    "wrapper/ovenbird/serve/page/snippets.py",
)
MODULES = [path for folder in ("wrapper", "builder", "console") for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_message_writes_a_whole_repr(path: Path) -> None:
    """`{value!r}` has no bound: `show_value(value)` takes its place."""
    if str(path.relative_to(ROOT)) not in _EXEMPT:
        assert list(unbounded(path)) == [], "use {show_value(x)} of ovenbird.common.text"

"""The lines of a sweep: of a file, times a grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ovenbird.common.setting_values import RawArgument, RawJson, named_values
from ovenbird.errors import ArgumentsError
from ovenbird.job.sweep.lines import LARGEST, read_lines


def test_lines_keep_the_number_that_an_editor_shows(tmp_path: Path) -> None:
    """Blank lines count for the number, and are no runs; a byte order mark and carriage returns are no part of one."""
    path = tmp_path / "each.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"n": 1}\r\n\r\n{"n": 1.50}')
    lines = read_lines(str(path), {})
    assert [(line.number, line.parameters) for line in lines] == [(1, {"n": "1"}), (3, {"n": "1.50"})]
    assert isinstance(lines[1].parameters["n"], RawJson)


def test_a_grid_counts_as_nested_loops_do() -> None:
    """The last parameter varies first, and values stay as they were typed."""
    lines = read_lines("", {"depth": [RawArgument("3"), RawArgument("5")], "seed": [1, 2, 3]})
    assert len(lines) == 6
    assert [tuple(line.parameters.values()) for line in lines] == [(d, s) for d in ("3", "5") for s in (1, 2, 3)]
    assert [line.number for line in lines] == [1, 2, 3, 4, 5, 6]
    assert list(lines[0].parameters) == ["depth", "seed"]


def test_each_line_is_run_with_each_combination(tmp_path: Path) -> None:
    """Lines times combinations, numbered in order."""
    path = tmp_path / "each.jsonl"
    path.write_text('{"n": 1}\n\n{"n": 2}\n')
    lines = read_lines(str(path), {"seed": [7, 8]})
    assert [(line.number, *line.parameters.values()) for line in lines] == [
        (1, "1", 7), (2, "1", 8), (3, "2", 7), (4, "2", 8),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("n=1,2", ["1", "2"]),
        ("c=a", ["a"]),
        ('c=a,"b,c"', ["a", '"b,c"']),
        (r'c="a\",b",c', [r'"a\",b"', "c"]),
        ("l=[64,32],[128]", ["[64,32]", "[128]"]),
        ('o={"a":1,"b":2},x', ['{"a":1,"b":2}', "x"]),
        ("t=a[,b", ["a[", "b"]),
        ('e="",x', ['""', "x"]),
        ("u=x=1,y=2", ["x=1", "y=2"]),
    ],
)
def test_values_of_a_grid(text: str, values: list[str]) -> None:
    """Commas separate values, but not within quotes, lists and objects."""
    assert list(named_values(text).values()) == [values]


@pytest.mark.parametrize("text", ["n", "=1", "n=", "n=1,,2", "n=1,"])
def test_a_grid_without_a_value(text: str) -> None:
    """An empty value is most likely a slip."""
    with pytest.raises(ValueError, match="NAME=VALUE,VALUE"):
        named_values(text)


@pytest.mark.parametrize(
    ("text", "grid", "messages"),
    [
        (b'{"n": 1}\n[2]\n\n{"n": 3\n', {}, ["line 2 is not a JSON object", "line 4 is not a JSON object"]),
        (b"\xff\n", {}, ["line 1 is not"]),
        (b"[" * 100_000, {}, ["line 1 is not"]),
        (b'{"seed": 1}\n', {"seed": [1, 2]}, ["line 1 holds 'seed', which `--grid` varies"]),
        (b"\n \n", {}, ["has no lines"]),
        (b"1\n" * 30, {}, ["line 20 is not", "and 10 more"]),
    ],
)
def test_lines_that_are_no_parameters(
    tmp_path: Path, text: bytes, grid: dict[str, Any], messages: list[str]
) -> None:  # fmt: skip
    """Every one is named, before anything is run: exit status 77."""
    path = tmp_path / "each.jsonl"
    path.write_bytes(text)
    with pytest.raises(ArgumentsError) as caught:
        read_lines(str(path), grid)
    assert [message for message in messages if message not in str(caught.value)] == []
    assert caught.value.exit_code == 77


def test_more_than_fits(tmp_path: Path) -> None:
    """Memory is bounded: by the bytes of all lines, and by the number of runs."""
    path = tmp_path / "each.jsonl"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(ArgumentsError, match="more than 64 MiB of lines"):
        read_lines(str(path), {})
    with pytest.raises(ArgumentsError, match="1,000,000 runs are more than a sweep may have"):
        read_lines("", {"a": [0] * 1000, "b": [0] * 1000})
    with pytest.raises(ArgumentsError, match=r"--grid: 'a' has no values"):
        read_lines("", {"a": []})


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """The error has the path and the reason."""
    for name, reason in (
        (str(tmp_path / "absent"), "No such file"),
        (str(tmp_path), "Is a directory"),
        ("a\0b", "null"),
    ):
        with pytest.raises(ArgumentsError, match=f"--each: cannot read .*{reason}"):
            read_lines(name, {})

"""The lines of a sweep: those of a JSON Lines file or stdin, times the combinations of a grid."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import msgspec

from ...common.json_lines import iterate_lines
from ...common.setting_values import raw_members
from ...common.text import show_value
from ...errors import ArgumentsError

LARGEST = 64 * 1024**2  # bytes of all lines: they are held in memory, as all are checked before the first run
MOST = 100_000  # runs of one sweep
_MOST_TOLD = 20  # problems that an error lists


class Line(NamedTuple):
    """The parameters of one run. `number` is that of the line in its file, or counts the combinations, from 1."""

    number: int
    parameters: dict[str, Any]


class LineCollection(Protocol):
    """Lines that are counted before the first run, and iterated once: a list, or lines that are made on demand."""

    def __len__(self) -> int:
        """Return how many runs there will be."""

    def __iter__(self) -> Iterator[Line]:
        """Iterate over the lines in their order."""


class SweepLines:
    """A sequence of lines, each made when it is asked for.

    With a grid, the runs are numbered in order: all combinations of the first line, then all of the second.
    """

    def __init__(self, texts: Sequence[tuple[int, bytes]], grid: Mapping[str, Sequence[Any]]) -> None:
        self._texts = texts
        self._grid = {name: list(values) for name, values in grid.items()}
        self._combinations = prod(map(len, self._grid.values()))

    def __len__(self) -> int:
        return (len(self._texts) or 1) * self._combinations

    def __iter__(self) -> Iterator[Line]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, position: int) -> Line:
        if not 0 <= position < len(self):
            raise IndexError(position)
        line, combination = divmod(position, self._combinations)
        number, text = self._texts[line] if self._texts else (0, b"{}")
        values: dict[str, Any] = {}
        for name, choices in reversed(self._grid.items()):  # the last name varies first, as in nested loops
            combination, index = divmod(combination, len(choices))
            values[name] = choices[index]
        parameters = {**raw_members(text), **dict(reversed(values.items()))}
        return Line(position + 1 if self._grid else number, parameters)


def read_lines(each: str, grid: Mapping[str, Any]) -> SweepLines:
    """Return the lines of `--each` (a file, `-` for stdin, or `""`) times `--grid`.

    Errors: ArgumentsError that names every line which is not a JSON object.
    """
    choices = {name: values if isinstance(values, list) else [values] for name, values in grid.items()}
    if empty := [name for name, values in choices.items() if not values]:
        raise ArgumentsError(f"--grid: {', '.join(map(show_value, empty))} has no values")
    texts = _check_objects(_read_file(each), choices, "stdin" if each == "-" else show_value(each)) if each else []
    lines = SweepLines(texts, choices)
    if len(lines) > MOST:
        raise ArgumentsError(
            f"{len(lines):,} runs are more than a sweep may have ({MOST:,})", hint="run a part of it at a time"
        )
    return lines


def raise_problems(problems: Sequence[str]) -> None:
    """Raise ArgumentsError that lists the problems of lines, the first ones if there are many. Return for none."""
    if not problems:
        return
    listed = [*problems[:_MOST_TOLD]]
    if more := len(problems) - len(listed):
        listed.append(f"and {more:,} more")
    raise ArgumentsError("\n  ".join(("nothing was run, as lines do not fit:", *listed)))


def _read_file(each: str) -> bytes:
    try:
        if each == "-":
            data = _read_bounded(sys.stdin.buffer)
        else:
            with Path(each).open("rb") as file:
                data = _read_bounded(file)
    except (OSError, ValueError) as error:  # a name with a NUL character is a ValueError
        where = "stdin" if each == "-" else show_value(each)
        raise ArgumentsError(f"--each: cannot read {where}: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > LARGEST:
        raise ArgumentsError(
            f"--each: more than {LARGEST // 1024**2} MiB of lines",
            hint="files are given by `--input`, or by their paths",
        )
    return data


def _read_bounded(file: BinaryIO) -> bytes:
    return file.read(LARGEST + 1)


def _check_objects(data: bytes, grid: Mapping[str, Any], where: str) -> list[tuple[int, bytes]]:
    """Return the lines that are not blank. Errors: ArgumentsError for those that are no objects, or for no line."""
    texts, problems = [], []
    for number, text in iterate_lines(io.BytesIO(data)):
        try:
            names = raw_members(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            problems.append(f"line {number} is not a JSON object of parameters: {error}")
            continue
        if twice := [name for name in grid if name in names]:
            problems.append(f"line {number} holds {', '.join(map(show_value, twice))}, which `--grid` varies")
        texts.append((number, text))
    raise_problems(problems)
    if not texts:
        raise ArgumentsError(f"--each: {where} has no lines")
    return texts

"""The lines of an indexed Job, a JSON object of parameters each: of a file, of values, times those of `--grid`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import msgspec

from ovenbird.common.json_lines import iterate_lines
from ovenbird.common.setting_values import named_values, raw_members
from ovenbird.common.text import show_value

from ..errors import BuildRequestError

_LARGEST = 1024**2  # bytes that a ConfigMap may hold
_MOST = 100_000  # indexes that a Job with a limit for each may have


def make_lines(each: str, grid: Sequence[str]) -> tuple[str, ...]:
    """Return the lines of `--each` times the combinations of `--grid`, of which the last name varies first.

    Both may be empty. Errors: BuildRequestError.
    """
    texts = read_lines(Path(each)) if each else ()
    choices = _read_grid(grid)
    if not choices:
        return texts
    for number, text in enumerate(texts, 1):
        if twice := next((name for name in choices if name in json.loads(text)), ""):
            raise BuildRequestError(f"--each: line {number} holds {show_value(twice)}, which `--grid` varies")
    _check_count((len(texts) or 1) * prod(map(len, choices.values())), "`--grid`")
    lines = tuple(_combine(texts or ("{}",), choices))
    _check_size(lines, "`--grid`", "run a part of it at a time")
    return lines


def encode_lines(values: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the lines of JSON objects. Errors: BuildRequestError for more than a Job takes."""
    _check_count(len(values), "the list")
    try:
        lines = tuple(json.dumps(value, ensure_ascii=False, allow_nan=False) for value in values)
    except ValueError:
        raise BuildRequestError("the list holds a number that JSON does not have: NaN, or an infinite one") from None
    _check_size(lines, "the list", "run a part of it at a time, or give what is large as an input")
    return lines


def _read_grid(grid: Sequence[str]) -> dict[str, list[str]]:
    """Return the values of each name as JSON texts, which keep the digits of numbers. Errors: BuildRequestError."""
    choices: dict[str, list[str]] = {}
    for text in grid:
        try:
            values = named_values(text)
        except ValueError as error:
            raise BuildRequestError(f"--grid: expected {error}") from None
        choices |= {name: [_encode_value(value) for value in row] for name, row in values.items()}
    return choices


def _encode_value(text: str) -> str:
    """Return a value on one line as JSON: as it is where it parses, else as a text."""
    try:
        msgspec.json.decode(text.encode())
    except (msgspec.MsgspecError, RecursionError):
        return json.dumps(str(text), ensure_ascii=False)
    return msgspec.json.format(text.encode(), indent=-1).decode()


def _combine(texts: Sequence[str], choices: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for text in texts:
        members = raw_members(text.encode())
        for values in product(*choices.values()):
            row = {**members, **dict(zip(choices, values, strict=True))}
            yield "{" + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {raw}" for name, raw in row.items()) + "}"


def _check_count(count: int, what: str) -> None:
    if count > _MOST:
        raise BuildRequestError(
            f"{what} makes {count} lines, and a Job has at most {_MOST} indexes", hint="run a part of it at a time"
        )


def _check_size(lines: Sequence[str], what: str, hint: str) -> None:
    size = len("\n".join(lines).encode())
    if size > _LARGEST:
        raise BuildRequestError(f"{what} makes {size} bytes of lines, and a ConfigMap takes {_LARGEST}", hint=hint)


def read_lines(path: Path) -> tuple[str, ...]:
    """Return the lines of a file of parameters, each a JSON object; blank ones are left out.

    Errors: BuildRequestError.
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            texts = tuple(_check_line(text, f"--each: {show_value(name)}, line {number}")
                          for number, text in iterate_lines(file))  # fmt: skip
    except OSError as error:
        raise BuildRequestError(f"--each: cannot read {show_value(name)}: {error.strerror}") from None
    except ValueError as error:  # a NUL in the name
        raise BuildRequestError(f"--each: cannot read {show_value(name)}: {error}") from None
    if not texts:
        raise BuildRequestError(f"--each: {show_value(name)} has no lines")
    if len(texts) > _MOST:
        raise BuildRequestError(
            f"--each: {show_value(name)} holds {len(texts)} lines, and a Job has at most {_MOST} indexes"
        )
    size = len("\n".join(texts).encode())
    if size > _LARGEST:
        parts = -(-size // _LARGEST)
        raise BuildRequestError(
            f"--each: {show_value(name)} holds {size} bytes, and a ConfigMap takes {_LARGEST}",
            hint=f"split it (split -n l/{parts} {name}), and make a Job of each part with a `--name` of its own",
        )
    return texts


def _check_line(line: bytes, where: str) -> str:
    """Return a line that a run takes, as text. Errors: BuildRequestError."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise BuildRequestError(
            f"{where}: not UTF-8 text", hint="a file in UTF-16: `iconv -f UTF-16 -t UTF-8`"
        ) from None
    try:
        value = json.loads(text)
        if isinstance(value, dict):
            raw_members(line)  # which is stricter: NaN, and halves of characters
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise BuildRequestError(f"{where}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BuildRequestError(f"{where}: expected a JSON object of parameters, found {show_value(value, 80)}")
    return text

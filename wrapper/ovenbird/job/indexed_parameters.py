"""The parameters of one run among many: a line of a JSON Lines file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ..common.json_lines import iterate_lines
from ..common.setting_values import RawJson, raw_members
from ..common.text import show_value
from ..errors import ArgumentsError


def read_line(name: str, index: int) -> dict[str, RawJson]:
    """Return the members of the JSON object in line `index` of a file, counted from 0 without blank lines.

    Errors: ArgumentsError if there is no such line, or it does not hold an object.
    """
    count = 0
    try:
        with Path(name).open("rb") as file:
            for number, text in iterate_lines(file):
                if count == index:
                    return _parse_object(text, f"--each: {show_value(name)}, line {number}")
                count += 1
    except OSError as error:
        raise ArgumentsError(f"--each: cannot read {show_value(name)}: {error.strerror}") from None
    raise ArgumentsError(
        f"--index: {index} is out of range: {show_value(name)} has {count} lines that are not blank, counted from 0"
    )


def _parse_object(text: bytes, where: str) -> dict[str, RawJson]:
    try:
        return raw_members(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ArgumentsError(f"{where}: not a JSON object of parameters: {error}") from None

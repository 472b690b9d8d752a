"""The parameters of one run among many: a line of a JSON Lines file."""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path

import msgspec

from ..common.text import show_value
from ..errors import ArgumentsError, SettingsError
from ..settings import RawJson, raw_members


def line(name: str, index: int) -> dict[str, RawJson]:
    """The members of the object in line `index` (from 0, empty lines not counted) of the file.

    Errors: SettingsError without an index; ArgumentsError when there is no such line, or it holds no object.
    """
    if index < 0:
        raise SettingsError(
            "--each: which line is meant is not said", hint="--index N; an indexed Job sets JOB_COMPLETION_INDEX"
        )
    count = 0
    try:
        with Path(name).open("rb") as file:
            for number, raw in enumerate(file, 1):
                text = raw.removeprefix(BOM_UTF8) if number == 1 else raw
                if not text.strip():
                    continue
                if count == index:
                    return _object(text, f"--each: {show_value(name)}, line {number}")
                count += 1
    except OSError as error:
        raise ArgumentsError(f"--each: cannot read {show_value(name)}: {error.strerror}") from None
    raise ArgumentsError(f"--index: {show_value(name)} holds {count} lines, counted from 0, and there is none {index}")


def _object(text: bytes, where: str) -> dict[str, RawJson]:
    try:
        return raw_members(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ArgumentsError(f"{where}: not a JSON object of parameters: {error}") from None

"""Values of flags and fields that are read by a parser of the runtime, with an error that names the flag."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError

from ..errors import BuildRequestError

T = TypeVar("T")


def parse_flag(
    parse: Callable[[str], T], text: str, flag: str, *, hint: str = "", error: type[OvenbirdError] = BuildRequestError
) -> T:
    """Return the value that `parse` reads from a text; its ValueError, which says what is expected, becomes `error`.

    `flag` is the flag, variable or field that holds the text.
    """
    try:
        return parse(text)
    except ValueError as problem:
        raise error(f"{flag}: expected {problem}, found {show_value(text)}", hint=hint) from None

"""Values as the text of one cell: bounded, on one line."""

from __future__ import annotations

from typing import Any

from ..common.text import cut_text, escape_controls, show_value

LONGEST = 200  # characters of a cell
MOST_FIELDS = 50  # names with values that are shown
MOST_TEXT = 20_000  # characters of a log or a traceback


def format_cell(value: Any, limit: int = LONGEST) -> str:
    """Return a value for people: text as it is, numbers with six digits, nothing for None, others as they are written.

    Control characters are escaped, long values lose their middle.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return escape_controls(cut_text(value, limit))
    if isinstance(value, float):
        return f"{value:.6g}"
    return cut_text(show_value(value, limit), limit + 20)


def format_moment(text: Any) -> str:
    """Return a timestamp as people read it, in UTC and without its fraction."""
    return format_cell(text)[:19].replace("T", " ") if text else ""


def format_seconds(seconds: Any) -> str:
    """Return a duration for people, empty for none."""
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        return ""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def cut_lines(text: str, limit: int = MOST_TEXT) -> str:
    """Return a text of several lines, without its middle where it is long; control characters are escaped."""
    return "\n".join(escape_controls(line) for line in cut_text(text, limit).splitlines())

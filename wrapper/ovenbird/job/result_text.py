"""Format what a handler returned for the terminal: JSON, the first rows of a table, a path, a key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .result import Display

_LINE = 100  # characters; JSON that is longer is indented


def result_text(returned: Mapping[str, Any]) -> str:
    """Return the text of the returned values, which are given by the names of the outputs; `""` if there is none.

    A single value has no name: text and displays are printed as they are, all else as JSON. Several values are one JSON
    object, or a section for each if one of them is a table.
    """
    if not returned:
        return ""
    if len(returned) == 1:
        return _format_value(next(iter(returned.values()))) + "\n"
    if any(isinstance(value, Display) and "\n" in value for value in returned.values()):
        return "\n".join(f"{name}:\n{_format_value(value)}\n" for name, value in returned.items())
    return _format_json(dict(returned)) + "\n"


def _format_value(value: Any) -> str:
    return str(value) if isinstance(value, str) else _format_json(value)


def _format_json(value: Any) -> str:
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return line if len(line) <= _LINE else json.dumps(value, ensure_ascii=False, indent=2)

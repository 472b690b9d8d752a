"""What a handler returned, as text for the terminal: JSON, the first rows of a table, a path, a key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .result import Display

_LINE = 100  # characters; JSON that is longer is indented


def result_text(returned: Mapping[str, Any]) -> str:
    """Return the text of what was returned, by the names of the outputs; empty when that is nothing.

    One value stands alone: text and displays as they are, all else as JSON. Several are one JSON object, or a section
    for each where one of them is a table.
    """
    if not returned:
        return ""
    if len(returned) == 1:
        return _text(next(iter(returned.values()))) + "\n"
    if any(isinstance(value, Display) and "\n" in value for value in returned.values()):
        return "\n".join(f"{name}:\n{_text(value)}\n" for name, value in returned.items())
    return _json(dict(returned)) + "\n"


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return line if len(line) <= _LINE else json.dumps(value, ensure_ascii=False, indent=2)

"""What is shown of a function: its parameters, what it says of itself, its code."""

from __future__ import annotations

import inspect
from typing import Any

from ..common.text import show_value
from .card import Card, Grid, Part, Text
from .cell_text import format_cell

_MOST_CODE = 8000  # characters


def make_function_card(name: str, function: Any = None, project: str = "") -> Card:
    """Return the card of a function; without the function object, its name is all that is known."""
    parts: list[Part] = []
    if function is not None:
        parts = [Text("Description", inspect.getdoc(function) or "", is_open=True), _list_parameters(function),
                 Text("Code", _read_code(function))]  # fmt: skip
    return Card("Function", name, facts={"project": project, "run it": ".run(...)"}, parts=parts)


def _list_parameters(function: Any) -> Grid:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):  # one in C
        parameters = []
    rows = [(parameter.name, _name_hint(parameter), _show_default(parameter)) for parameter in parameters]
    return Grid("Parameters", ("name", "hint", "default") if rows else (), rows)


def _name_hint(parameter: inspect.Parameter) -> str:
    hint = parameter.annotation
    if hint is inspect.Parameter.empty:
        return ""
    return hint.__name__ if isinstance(hint, type) else format_cell(hint)


def _show_default(parameter: inspect.Parameter) -> str:
    return "" if parameter.default is inspect.Parameter.empty else show_value(parameter.default)


def _read_code(function: Any) -> str:
    """Return the source as Python knows it; empty where it does not."""
    try:
        return inspect.getsource(function)[:_MOST_CODE]
    except (OSError, TypeError, IndentationError, SyntaxError):
        return ""

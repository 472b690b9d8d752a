"""Lines of a sweep as rows of a table, for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...common.text import cut_text, escape_controls
from ...common.text_table import format_table
from ...platform import keys
from .outcome import COMPLETED, NOT_RUN, Outcome

_SHORT = 8  # characters of an id
_LONGEST = 200  # characters of a cell
_LEAST = 12  # characters of parameters and results on a narrow terminal
_NUMBERS = (0, 3)  # columns that are aligned to the right
HEADINGS = ("LINE", "RUN", "STATE", "SECONDS", "PARAMETERS", "RESULT")


class Row(NamedTuple):
    """The cells of a line; `is_good`: its run has completed."""

    number: int
    cells: tuple[str, ...]
    is_good: bool


def make_row(outcome: Outcome) -> Row:
    """Return the row of a line that has ended, or was not run."""
    identity = (keys.parse_key(outcome.key).id or "")[:_SHORT] if outcome.key else "-"
    seconds = "-" if outcome.state == NOT_RUN else f"{outcome.seconds:.2f}"
    cells = (str(outcome.number), identity, outcome.state, seconds, format_values(outcome.varied), _format_end(outcome))
    return Row(outcome.number, cells, outcome.state == COMPLETED)


def make_running_row(number: int, seconds: float, parameters: Mapping[str, Any]) -> Row:
    """Return the row of a line whose run goes on."""
    return Row(number, (str(number), "", "RUNNING", f"{seconds:.1f}", format_values(parameters), ""), True)


def format_values(values: Mapping[str, Any]) -> str:
    """Return parameters or results as `depth=3 seed=1`, cut to a length."""
    return _cut(" ".join(f"{name}={_format_value(value)}" for name, value in values.items()))


def format_rows(rows: Sequence[Row], width: int) -> str:
    """Return rows as a table with headings. Parameters and results are cut to fit `width` columns; 0 for no limit."""
    table = [list(HEADINGS), *([*row.cells] for row in rows)]
    if width:
        fixed = sum(max(len(row[index]) for row in table) + 2 for index in range(4))
        longest = [max(len(row[index]) for row in table) for index in (4, 5)]
        room = max(2 * _LEAST, width - fixed - 2)
        first = min(longest[0], max(room // 2, room - longest[1], _LEAST))
        for row in table:
            row[4], row[5] = cut_text(row[4], first), cut_text(row[5], max(_LEAST, room - first))
    text = format_table(table, _NUMBERS)
    return "\n".join(line[:width] for line in text.split("\n")) if width else text


def _format_end(outcome: Outcome) -> str:
    """Return the result of a run in short: its error, or what it returned."""
    if outcome.error:
        return _cut(str(outcome.error.get("message")))
    if len(outcome.results) == 1 and not outcome.outputs:
        value = next(iter(outcome.results.values()))
        text = format_values(value) if isinstance(value, dict) else _cut(_format_value(value))
    else:
        stored = {name: _format_entity(key) for name, key in outcome.outputs.items()}
        text = format_values({**outcome.results, **stored})
    return f"{text} (reused)" if outcome.reused_from else text


def _format_entity(key: str) -> str:
    """Return type and name of a stored output: `model:wine`."""
    if not keys.is_key(key):
        return key
    parsed = keys.parse_key(key)
    return f"{parsed.type}:{(parsed.id or '')[:_SHORT]}"


def _format_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return cut_text(escape_controls(text), _LONGEST)

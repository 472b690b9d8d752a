"""A card as HTML for a notebook: inline styles, no script, nothing that is fetched.

Colours are inherited, so that it fits a dark theme; those of states are seen on white and on black.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .card import Card, Curves, Fields, Grid, Part, Picture, Text, select_parts
from .cell_text import MOST_FIELDS, cut_lines, format_cell
from .series import describe_series, read_series
from .svg_curve import draw_curve

_COLOURS = {"COMPLETED": "#1f9d55", "READY": "#1f9d55", "ERROR": "#d64545", "STOPPED": "#b7791f", "RUNNING": "#4c8bf5"}
_OTHER = "#8a8f98"
_CARD = "border:1px solid rgba(128,128,128,.4);border-radius:6px;padding:8px 12px;margin:4px 0;max-width:60em"
_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0;white-space:pre-wrap;overflow-wrap:anywhere"
_NAME = f"{_CELL};opacity:.7;white-space:nowrap"
_HEAD = f"{_CELL};font-weight:600;border-bottom:1px solid rgba(128,128,128,.4)"
_TITLE = "font-weight:600;margin:8px 0 2px"
_TABLE = "border-collapse:collapse;background:none;margin:0"
_FAINT = "opacity:.7"
_TEXT = "margin:4px 0 0;white-space:pre-wrap;overflow:auto;max-height:24em;background:none"


def render_html(card: Card) -> str:
    """Return the card as one element; every value is escaped."""
    facts = " · ".join(
        f'<span style="{_FAINT}">{escape(name)}</span> {escape(format_cell(value))}'
        for name, value in card.facts.items()
        if value not in (None, "")
    )
    head = (
        f"<div><strong>{escape(card.kind)}</strong> {escape(format_cell(card.name))} {_render_state(card.state)}</div>"
    )
    parts = "".join(_render_part(part) for part in select_parts(card.parts))
    return f'<div class="ovenbird" style="{_CARD}">{head}{f"<div>{facts}</div>" if facts else ""}{parts}</div>'


def _render_state(state: str) -> str:
    if not state:
        return ""
    colour = _COLOURS.get(state, _OTHER)
    style = f"color:#fff;background:{colour};border-radius:3px;padding:0 6px;font-size:85%"
    return f'<span style="{style}">{escape(format_cell(state, 40))}</span>'


def _render_part(part: Part) -> str:
    if isinstance(part, Fields):
        return _render_title(part.title) + _render_fields(part.values)
    if isinstance(part, Curves):
        return _render_title(part.title) + _render_curves(part.metrics)
    if isinstance(part, Grid):
        return _render_title(part.title) + render_grid(part)
    if isinstance(part, Picture):
        return _render_title(part.title) + _render_picture(part)
    return _render_text(part)


def _render_title(title: str) -> str:
    return f'<div style="{_TITLE}">{escape(title)}</div>' if title else ""


def _render_fields(values: Mapping[str, Any]) -> str:
    rows = [
        f'<tr><td style="{_NAME}">{escape(format_cell(str(name), 80))}</td>'
        f'<td style="{_CELL}">{escape(format_cell(value))}</td></tr>'
        for name, value in list(values.items())[:MOST_FIELDS]
    ]
    return f'<table style="{_TABLE}">{"".join(rows)}</table>' + _render_rest(len(values) - MOST_FIELDS)


def _render_curves(metrics: Mapping[str, Any]) -> str:
    rows = []
    for name, value in list(metrics.items())[:MOST_FIELDS]:
        series = read_series(value)
        label = format_cell(str(name), 80)
        words = describe_series("", series).removeprefix(": ")
        rows.append(
            f'<tr><td style="{_NAME}">{escape(label)}</td><td style="{_CELL}">{draw_curve(label, series)}</td>'
            f'<td style="{_CELL}">{escape(words)}</td></tr>'
        )
    return f'<table style="{_TABLE}">{"".join(rows)}</table>' + _render_rest(len(metrics) - MOST_FIELDS)


def render_grid(grid: Grid) -> str:
    """Return a table, with a header row, and its note below."""
    head = "".join(
        f'<th scope="col" style="{_HEAD}">{escape(format_cell(str(name), 80))}</th>' for name in grid.columns
    )
    body = "".join(f"<tr>{_render_cells(row)}</tr>" for row in grid.rows)
    note = f'<div style="{_FAINT}">{escape(grid.note)}</div>' if grid.note else ""
    return (
        f'<div style="overflow:auto"><table style="{_TABLE}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{note}"
    )


def _render_cells(row: Sequence[Any]) -> str:
    return "".join(f'<td style="{_CELL}">{escape(format_cell(value))}</td>' for value in row)


def _render_text(part: Text) -> str:
    attribute = " open" if part.is_open else ""
    return (
        f'<details{attribute} style="margin-top:8px"><summary>{escape(part.title)}</summary>'
        f'<pre style="{_TEXT}">{escape(cut_lines(part.text))}</pre></details>'
    )


def _render_picture(part: Picture) -> str:
    content = base64.b64encode(part.content).decode()
    source = f"data:{escape(part.media_type)};base64,{content}"
    return f'<img alt="{escape(part.title)}" style="max-width:100%;max-height:20em" src="{source}">'


def _render_rest(count: int) -> str:
    return f'<div style="{_FAINT}">and {count} more</div>' if count > 0 else ""

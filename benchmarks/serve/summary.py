"""One table and one file of all ratios, each with its spread over the rounds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import report

Row = dict[str, Any]


def make_row(part: str, title: str, unit: str, rounds: Sequence[float]) -> Row:
    """Return a figure with its spread: least, quartiles and most of its rounds.

    `value` is their median, None without a round. Two rounds or fewer have no quartiles.
    """
    quarters = quantiles(rounds, n=4, method="inclusive") if len(rounds) > 2 else [None] * 3
    return {
        "part": part, "title": title, "unit": unit, "value": median(rounds) if rounds else None,
        "least": min(rounds, default=None), "quartile_1": quarters[0], "quartile_3": quarters[2],
        "most": max(rounds, default=None), "rounds": list(rounds),
    }  # fmt: skip


def list_rows(figures: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Return a row for each target of each part. `figures` holds what the parts have written."""
    rows = []
    for part, data in figures.items():
        for target in data["targets"]:
            row = make_row(part, target["title"], target["unit"], target["rounds"])
            row["value"] = target["value"]  # also of what was measured once
            rows.append(row | {name: target[name] for name in ("bound", "at_most", "verdict")})
    return rows


def format_summary(
    machine: Mapping[str, str], packages: Mapping[str, str], rows: Sequence[Row], statuses: Mapping[str, int]
) -> str:
    """Return the machine, the versions and the table of all rows as Markdown."""
    cells = [
        (
            row["part"], row["title"], _format_value(row["value"], row["unit"]), format_range(row),
            f"{'at most' if row['at_most'] else 'at least'} {row['bound']:g} {row['unit']}".strip(), row["verdict"],
        ) for row in rows
    ]  # fmt: skip
    head = ("part", "figure", "median", "range (rounds)", "wanted", "verdict")
    failed = [f"**{name} ended with status {status}**" for name, status in statuses.items() if status]
    tables = report.format_machine(dict(machine), dict(packages))
    return "\n\n".join(("# All ratios", tables, report.format_table(head, cells), *failed))


def format_range(row: Row) -> str:
    """Return least, most and number of rounds; empty for what was measured once."""
    return report.format_spread(row["rounds"])


def _format_value(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.2f} {unit}".strip()


def write_summary(path: Path, data: Mapping[str, Any]) -> None:
    """Write the file of a summary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n")

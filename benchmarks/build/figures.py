"""Rows -> tables and targets: medians with their range, and ratios that are taken within a round."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import report
from contenders import PUSHED, STORE
from measures import Row, Rows
from stacks import SCIENTIFIC, SMALL, Stack
from targets import Target

_WHERE = {STORE: "into the store", PUSHED: "pushed"}
_TITLES = {"ovenbird": "`ovenbird build`", "pip": "Containerfile, pip", "uv": "Containerfile, uv"}
_BOUNDS = (  # situation, stack, where, bound of the ratio to the Containerfile with pip
    ("only the source changed", SMALL, STORE, 0.6),
    ("only the source changed", SMALL, PUSHED, 0.6),
    ("only the source changed", SCIENTIFIC, STORE, 0.6),
    ("only the source changed", SCIENTIFIC, PUSHED, 0.6),
    ("joblib changed", SCIENTIFIC, STORE, 0.1),
    ("joblib changed", SCIENTIFIC, PUSHED, 0.1),
    ("pandas changed", SCIENTIFIC, STORE, 0.1),
    ("pandas changed", SCIENTIFIC, PUSHED, 0.1),
    ("cold", SMALL, STORE, 0.5),
    ("cold", SMALL, PUSHED, 0.5),
    ("cold", SCIENTIFIC, STORE, 0.5),
    ("cold", SCIENTIFIC, PUSHED, 0.5),
)


def format_table(rows: Rows, stack: Stack) -> str:
    """Return the table of a stack: seconds, their range, and ratios to the Containerfile with pip."""
    cells: list[Sequence[str]] = []
    for row in rows:
        if row.stack != stack.name or row.where not in _WHERE:
            continue
        ratios = [
            rows.compute_ratio(row.situation, row.stack, row.where, row.contender, cpu=cpu) for cpu in (False, True)
        ]
        situation = f"{row.situation}, {_WHERE[row.where]}"
        cells.append(
            (
                situation,
                _TITLES[row.contender],
                _format_seconds(row),
                _format_range(row),
                *(f"{ratio:.2f}" for ratio in ratios if ratio),
            )
        )
    order = list(dict.fromkeys(line[0] for line in cells))
    cells.sort(key=lambda line: order.index(line[0]))  # contenders of a situation together
    return report.format_table(("situation", "by", "median s", "range s", "to pip", "to pip, CPU"), cells)


def format_others(rows: Rows) -> str:
    """Return the table of imports in a container, and of the lockers."""
    words = {
        ("import", "ovenbird"): "import of the stack, `ovenbird build`",
        ("import", "pip"): "import of the stack, Containerfile with `--timestamp`",
        ("lock", "pip-tools"): "`ovenbird lock --upgrade` by pip-tools",
        ("lock", "uv"): "`ovenbird lock --upgrade` by uv",
    }
    cells = [
        (words[row.situation, row.contender], _format_seconds(row), _format_range(row))
        for row in rows
        if (row.situation, row.contender) in words
    ]
    return report.format_table(("what", "median s", "range s"), cells)


def make_targets(rows: Rows, faults: Sequence[str]) -> list[Target]:
    """Return the targets with their measured values."""
    targets = []
    for stack in (SMALL, SCIENTIFIC):
        seconds = [row.seconds for where in _WHERE if (row := _find_own(rows, "nothing changed", stack.name, where))]
        for where, times in zip(_WHERE.values(), seconds, strict=False):
            targets.append(Target.of_rounds(f"{stack.name}: nothing changed, {where}", times, 0.4, "s", at_most=True))
    written = None if not rows else float(sum("FAILED" not in fault for fault in faults))
    targets.append(Target("layers that were written though nothing changed", written, 0, "", True))
    for situation, stack, where, bound in _BOUNDS:
        ratios = rows.list_ratios(situation, stack.name, where)
        targets.append(Target.of_rounds(f"{stack.name}: {situation}, {_WHERE[where]}", ratios, bound, at_most=True))
    imports = rows.list_ratios("import", "scientific", "container")
    return [*targets, Target.of_rounds("a cold import of the stack", imports, 0.6, at_most=True)]


def _find_own(rows: Rows, situation: str, stack: str, where: str) -> Row | None:
    try:
        return rows.get(situation, stack, "ovenbird", where)
    except KeyError:
        return None


def _format_seconds(row: Row) -> str:
    return f"{median(row.seconds):.2f}"


def _format_range(row: Row) -> str:
    return f"{min(row.seconds):.2f} to {max(row.seconds):.2f}"

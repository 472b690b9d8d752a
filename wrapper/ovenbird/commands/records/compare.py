"""`ovenbird runs compare`: runs side by side, with a mark where they differ."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ...common.text import cut_text, escape_controls
from ...common.text_table import format_table
from .output import Verbs, add_verb, cell_text, key_help, print_json

if TYPE_CHECKING:
    from ...platform.store import EntityStore

_MARK = "*"
_LONGEST = 40  # characters of a cell
_SHORT = 8  # characters of the ids at the head


def add(verbs: Verbs, noun: str) -> None:
    """Add the verb and its flags."""
    parser = add_verb(verbs, "compare", "show runs side by side; a * marks what differs")
    parser.add_argument("keys", metavar="RUN", nargs="+", help=key_help(noun))
    parser.add_argument("--changed", action="store_true", help="only what differs")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(do=run)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Print the comparison; return the exit status."""
    from ...api.records.comparison import compare_named_runs

    runs, fields = compare_named_runs(store, options.keys, options.project, changed=options.changed)
    if options.json:
        print_json({"runs": [str(key) for key in runs], "fields": [field._asdict() for field in fields]})
        return 0
    rows = [["", "", *(f"[{position}]" for position in range(1, len(runs) + 1))]]
    for field in fields:
        cells = [cell_text(field.name, value) for value in field.values]
        if field.name == "id":
            cells = [
                text[:_SHORT] if len({key.id and key.id[:_SHORT] for key in runs}) == len(runs) else text
                for text in cells
            ]
        rows.append([_MARK if field.differs else "", field.name, *map(_cut_cell, cells)])
    print(format_table(rows))
    return 0


def _cut_cell(text: str) -> str:
    return cut_text(escape_controls(text), _LONGEST)

"""`ovenbird dataitems|artifacts|models|functions list`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ...common.text_table import format_table
from .output import Verbs, add_verb, count, format_moment, print_json, tell_empty

if TYPE_CHECKING:
    from ...platform.store import EntityStore, EntitySummary


def add(verbs: Verbs, noun: str) -> None:  # noqa: ARG001  # of all verbs
    """Add the verb and its flags."""
    parser = add_verb(verbs, "list", "newest first; a table on a terminal, JSON elsewhere")
    parser.add_argument("--name", metavar="NAME", help="only of this name")
    parser.add_argument("--state", metavar="STATE", help="only in this state")
    parser.add_argument("--versions", action="store_true", help="every version, not the latest of each name")
    parser.add_argument("--limit", type=count, default=100, metavar="N", help="at most so many; 0 for all [100]")
    parser.add_argument("--json", action="store_true", help="JSON on a terminal too")
    parser.set_defaults(do=run)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Print the list; return the exit status."""
    from ...api.records.entity_list import EntityQuery, find_entities_of_type
    from ...platform import queries

    query = EntityQuery(options.project, options.name, options.state, options.versions, options.limit or None)
    rows, is_truncated = find_entities_of_type(store, queries.VERBS[options.noun], query)
    if not rows:
        tell_empty(store, options.noun, options.project)
    if options.json or not sys.stdout.isatty():
        print_json([{**row._asdict(), "key": row.key} for row in rows])
        return 0
    print(format_table([("NAME", "KIND", "ID", "PROJECT", "CREATED"), *map(_format_row, rows)]))
    if is_truncated:
        print(f"the newest {options.limit}; --limit 0 shows all", file=sys.stderr)
    return 0


def _format_row(row: EntitySummary) -> tuple[str, ...]:
    return (row.name, row.kind, row.id, row.project, format_moment(row.created))

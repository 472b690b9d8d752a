"""`ovenbird store`: where the records are, and how many there are."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from ...common.text_table import format_table
from ...common.units import show_size
from . import store_migrate
from .output import add_platform, print_json

if TYPE_CHECKING:
    from ...platform.store import EntityStore


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("--project", metavar="NAME", help="only of this project")
    parser.add_argument("--json", action="store_true", help="JSON on a terminal too")
    add_platform(parser)
    parser.set_defaults(do=run)
    store_migrate.add(parser)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Print the store's location, the entities of each project, and the files; return the exit status."""
    from ...platform.store_summary import summarize_store

    summary = summarize_store(store, options.project, os.environ)
    if options.json or not sys.stdout.isatty():
        print_json(summary)
        return 0
    print(summary["location"])
    if summary["files"] is not None:
        print(f"{summary['files']} files, {show_size(summary['bytes'])}")
    projects: dict[str, dict[str, Any]] = summary["projects"]
    if projects:
        nouns = list(dict.fromkeys(noun for counts in projects.values() for noun in counts))
        rows = [[name, *(str(counts[noun]) for noun in nouns)] for name, counts in projects.items()]
        print(format_table([["PROJECT", *map(str.upper, nouns)], *rows], range(1, len(nouns) + 1)))
    else:
        is_core = summary["location"].startswith("http")
        print("--project NAME says what it holds" if is_core else "nothing is stored there yet")
    return 0

"""`ovenbird runs|dataitems|artifacts|models|functions rm`."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from .output import Verbs, add_verb, key_help

if TYPE_CHECKING:
    from ...platform.store import EntityStore


def add(verbs: Verbs, noun: str) -> None:
    """Add the verb and its flags."""
    parser = add_verb(verbs, "rm", "remove it, and the files that were stored for it")
    parser.add_argument("keys", metavar="KEY", nargs="+", help=key_help(noun))
    parser.add_argument("--versions", action="store_true", help="all versions of the name")
    parser.add_argument("--keep-files", action="store_true", help="forget the entry, keep its files")
    parser.set_defaults(do=run)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Remove entities and print their keys; return the exit status."""
    from ...api.records.removal import RemovalQuery, plan_removals, remove_planned
    from ...platform import queries

    query = RemovalQuery(
        queries.VERBS[options.noun], options.keys, options.project, options.versions, options.keep_files
    )
    removals = plan_removals(store, query, os.environ)
    for removed in remove_planned(store, removals, os.environ):
        print(removed)
    return 0

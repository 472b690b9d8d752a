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
    from ...platform import queries

    keys = [queries.locate_entity(store, queries.VERBS[options.noun], text, options.project) for text in options.keys]
    for key in keys:  # all were found before the first one is removed
        for removed in queries.remove_entities(
            store, key, os.environ, versions=options.versions, keep_files=options.keep_files
        ):
            print(removed)
    return 0

"""`ovenbird runs logs`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .output import Verbs, add_verb, key_help

if TYPE_CHECKING:
    from ...platform.store import EntityStore


def add(verbs: Verbs, noun: str) -> None:
    """Add the verb and its flags."""
    parser = add_verb(verbs, "logs", "print the log of a run")
    parser.add_argument("key", metavar="KEY", help=key_help(noun))
    parser.add_argument("--follow", "-f", action="store_true", help="until the run has ended")
    parser.set_defaults(do=run)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Print the log of a run, with `--follow` until the run has ended. Return the exit status."""
    from ...api.records.run_log import read_log
    from ...platform import queries

    key = queries.locate_entity(store, "run", options.key, options.project)
    for line in read_log(store, key, follow=options.follow):
        print(line, flush=True)
    return 0

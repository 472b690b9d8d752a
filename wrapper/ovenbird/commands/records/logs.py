"""`ovenbird runs logs`."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from .output import Verbs, add_verb, key_help

if TYPE_CHECKING:
    from ...platform.store import EntityStore

_PAUSE = 0.2  # seconds between two looks at a log that is followed


def add(verbs: Verbs, noun: str) -> None:
    """Add the verb and its flags."""
    parser = add_verb(verbs, "logs", "print the log of a run")
    parser.add_argument("key", metavar="KEY", help=key_help(noun))
    parser.add_argument("--follow", "-f", action="store_true", help="until the run has ended")
    parser.set_defaults(do=run)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Print the log of a run, with `--follow` until the run has ended. Return the exit status."""
    from ...platform import queries
    from ...platform.store import FINAL

    key = queries.locate_entity(store, "run", options.key, options.project)
    printed = 0
    while True:
        ended = store.read(key)["status"].get("state") in FINAL
        lines = list(store.log_lines(key.project, key.id or ""))
        for line in lines[printed:]:
            print(line.rstrip("\n"), flush=True)
        printed = len(lines)
        if ended or not options.follow:
            return 0
        time.sleep(_PAUSE)
        store.reap()

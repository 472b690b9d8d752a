"""`ovenbird runs|dataitems|artifacts|models|functions show`."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from .output import Verbs, add_verb, key_help, print_json

if TYPE_CHECKING:
    from ..platform.store import Store


def add(verbs: Verbs, noun: str) -> None:
    """Add the verb and its flags."""
    parser = add_verb(verbs, "show", "print one, whole, as JSON")
    parser.add_argument("key", metavar="KEY", help=key_help(noun))
    parser.set_defaults(do=run)


def run(store: Store, options: argparse.Namespace) -> int:
    """Print the entity; the exit status."""
    from ..platform import queries

    key = queries.located(store, queries.VERBS[options.noun], options.key, options.project)
    print_json(queries.shown(store, key, os.environ))
    return 0

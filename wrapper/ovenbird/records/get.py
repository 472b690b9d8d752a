"""`ovenbird runs|dataitems|artifacts|models|functions get`."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from .output import Verbs, add_verb, key_help

if TYPE_CHECKING:
    from ..platform.store import Store


def add(verbs: Verbs, noun: str) -> None:
    """Add the verb and its flags."""
    parser = add_verb(verbs, "get", "copy its files")
    parser.add_argument("key", metavar="KEY", help=key_help(noun))
    parser.add_argument("destination", metavar="DIR", nargs="?", default=".", help="default: the current folder")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    parser.set_defaults(do=run)


def run(store: Store, options: argparse.Namespace) -> int:
    """Copy files: of an entity, or of all outputs of a run by their names. The paths go to stdout."""
    from ..platform import queries

    key = queries.located(store, queries.VERBS[options.noun], options.key, options.project)
    if key.type != "run":
        print(queries.fetched(store, key, os.environ, options.destination, overwrite=options.overwrite))
        return 0
    outputs = store.read(key)["status"].get("outputs") or {}
    for path in queries.fetch_outputs(
        store, outputs, os.environ, options.destination, overwrite=options.overwrite
    ):  # fmt: skip
        print(path)
    return 0

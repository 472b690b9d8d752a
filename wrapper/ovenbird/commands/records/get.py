"""`ovenbird runs|dataitems|artifacts|models|functions get`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from typing import TYPE_CHECKING

from .output import Verbs, add_verb, key_help

if TYPE_CHECKING:
    from ...platform.keys import EntityKey
    from ...platform.store import EntityStore


def add(verbs: Verbs, noun: str) -> None:
    """Add the verb and its flags."""
    parser = add_verb(verbs, "get", "copy its files")
    parser.add_argument("key", metavar="KEY", help=key_help(noun))
    parser.add_argument(
        "destination", metavar="DIR", nargs="?", default=".",
        help="default: the current folder; - writes a single file to stdout",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    parser.set_defaults(do=run)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Copy the files of an entity, or of all outputs of a run. Print their paths; return the exit status."""
    from ...api.records.content import copy_files
    from ...platform import queries

    key = queries.locate_entity(store, queries.VERBS[options.noun], options.key, options.project)
    if options.destination == "-":
        return _write_to_stdout(store, key)
    for path in copy_files(store, key, os.environ, options.destination, overwrite=options.overwrite):
        print(path)
    return 0


def _write_to_stdout(store: EntityStore, key: EntityKey) -> int:
    """Write the content of the only file. Errors: InputError when there are several files, or none."""
    from ...api.records.content import find_single_file

    with find_single_file(store, key, os.environ).open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.flush()
    return 0

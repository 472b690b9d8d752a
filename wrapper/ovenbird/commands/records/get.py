"""`ovenbird runs|dataitems|artifacts|models|functions get`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError
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
    from ...platform import queries

    key = queries.locate_entity(store, queries.VERBS[options.noun], options.key, options.project)
    if options.destination == "-":
        return _write_to_stdout(store, key)
    if key.type != "run":
        print(queries.fetch_files(store, key, os.environ, options.destination, overwrite=options.overwrite))
        return 0
    outputs = store.read(key)["status"].get("outputs") or {}
    for path in queries.fetch_outputs(
        store, outputs, os.environ, options.destination, overwrite=options.overwrite
    ):  # fmt: skip
        print(path)
    return 0


def _write_to_stdout(store: EntityStore, key: EntityKey) -> int:
    """Write the content of the only file. Errors: InputError when there are several files, or none."""
    from ...platform.entities.file_entity import MATERIALS
    from ...platform.keys import parse_key

    texts = [str(key)]
    if key.type == "run":
        texts = list((store.read(key)["status"].get("outputs") or {}).values())
    entities = [MATERIALS[material.type](store, store.read(material), os.environ)
                for material in map(parse_key, texts) if material.type in MATERIALS]  # fmt: skip
    paths = [path for entity in entities for path in entity.as_file()]
    if len(paths) != 1:
        raise InputError(f"{key} has {len(paths)} files, and stdout takes one", hint="name a folder instead of `-`")
    with Path(paths[0]).open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.flush()
    return 0

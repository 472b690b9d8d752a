"""`ovenbird runs|dataitems|artifacts|models|functions show`: the document, a table's rows, the metrics as plots."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from typing import TYPE_CHECKING

from .output import Verbs, add_verb, key_help, print_json

if TYPE_CHECKING:
    from ...platform.keys import EntityKey
    from ...platform.store import EntityStore

_WITH_METRICS = ("runs", "models")
_WIDE = 80  # columns of a plot where the terminal does not say how many it has


def add(verbs: Verbs, noun: str) -> None:
    """Add the verb and its flags."""
    action = (
        "print a table's first rows on a terminal, elsewhere the document"
        if noun == "dataitems"
        else "print one, whole"
    )
    parser = add_verb(verbs, "show", f"{action}, as JSON")
    parser.add_argument("key", metavar="KEY", help=key_help(noun))
    parser.add_argument("--json", action="store_true", help="the document, on a terminal too")
    if noun in _WITH_METRICS:
        parser.add_argument("--plot", action="store_true", help="plot its metrics instead")
    parser.set_defaults(do=run, plot=False)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Print the entity; return the exit status."""
    from ...platform import queries

    key = queries.locate_entity(store, queries.VERBS[options.noun], options.key, options.project)
    if options.plot:
        return _print_plot(store, key)
    if options.noun == "dataitems" and not options.json and sys.stdout.isatty() and (text := _read_table(store, key)):
        print(text)
        return 0
    print_json(queries.read_shown_record(store, key, os.environ))
    return 0


def _print_plot(store: EntityStore, key: EntityKey) -> int:
    from .plot import plot_metrics

    metrics = store.read(key)["status"].get("metrics") or {}
    if not metrics:
        print(f"{key} has no metrics", file=sys.stderr)
        return 0
    width = shutil.get_terminal_size((_WIDE, 24)).columns
    text = plot_metrics(metrics, width)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = plot_metrics(metrics, width, braille=False).encode("ascii", "backslashreplace").decode()
    print(text)
    return 0


def _read_table(store: EntityStore, key: EntityKey) -> str:
    """Return the first rows of a data item, from its record or its file; empty when it is not a table."""
    from ...errors import OvenbirdError
    from ...platform.entities.content_preview import read_preview
    from ...platform.entities.file_entity import Dataitem
    from ...platform.tables.preview import format_preview

    entity = Dataitem(store, store.read(key), os.environ)
    try:
        text = format_preview(read_preview(entity))
    except OvenbirdError as error:
        if entity.kind == "table":
            print(f"its rows cannot be shown: {error.message}", file=sys.stderr)
        return ""
    return f"{text}\n{entity.key}" if text else ""

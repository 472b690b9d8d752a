"""Parse the verbs that read records, and `ovenbird store`; open the store and run the verb."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ...command_line.verb_parser import CommandParser
from ...common.interrupts import raise_on_interrupt
from ...errors import SettingsError
from . import compare, get, lineage, list_runs, listing, logs, remove, rerun, show, store_summary, tag

if TYPE_CHECKING:
    from ...platform.store import EntityStore

VERBS = {
    "runs": "list, show, compare, repeat, remove and tag runs, read their logs; with --cluster those on Kubernetes",
    "dataitems": "list, show, get and remove data items: tables",
    "artifacts": "list, show, get and remove artifacts: files",
    "models": "list, show, get and remove models",
    "functions": "list, show, get and remove functions",
    "lineage": "say where something comes from: what it was made of, by which run",
    "store": "say where the records are kept, and what there is; copy them to another store",
}
NOUNS = ("runs", "dataitems", "artifacts", "models", "functions")
_VERBS = (listing, show, get, remove)
_RUN_VERBS = (list_runs, show, get, remove, logs, tag, compare, rerun)
_PATIENCE = 10.0  # seconds of retries when the platform does not answer: a person waits


def main(argv: Sequence[str]) -> int:
    """Run one of these verbs; return its exit status. Errors: OvenbirdError."""
    try:
        options = build_parser().parse_args(argv)
    except SystemExit as exit_request:  # argparse has printed the help, or what is wrong
        return SettingsError.exit_code if exit_request.code else 0
    raise_on_interrupt()
    if hasattr(options, "do_without_store"):
        code: int = options.do_without_store(options)
        return code
    from ...platform.store_factory import open_store

    store = open_store(options.platform or os.environ.get("OVENBIRD_PLATFORM", ""), os.environ, _PATIENCE)
    try:
        do: Callable[[EntityStore, argparse.Namespace], int] = options.do
        return do(store, options)
    finally:
        store.close()


def build_parser() -> CommandParser:
    """Return the parser of these verbs, each below its noun."""
    parser = CommandParser(prog="ovenbird")
    nouns = parser.add_subparsers(dest="noun", required=True)
    for noun in NOUNS:
        text = VERBS[noun]
        noun_parser = nouns.add_parser(noun, help=text, description=f"{text[0].upper()}{text[1:]}.")
        verbs = noun_parser.add_subparsers(required=True, metavar="VERB")
        for verb in _RUN_VERBS if noun == "runs" else _VERBS:
            verb.add(verbs, noun)
    for noun, verb in (("lineage", lineage), ("store", store_summary)):
        text = VERBS[noun]
        verb.add(nouns.add_parser(noun, help=text, description=f"{text[0].upper()}{text[1:]}."))
    return parser

"""The verbs that read what is recorded, and `ovenbird store`: parse, open the store, run a verb."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .errors import SettingsError
from .records import compare, get, lineage, list_runs, listing, logs, remove, rerun, show, store_summary, tag

if TYPE_CHECKING:
    from .platform.store import Store

NOUNS = ("runs", "dataitems", "artifacts", "models", "functions")
_VERBS = (listing, show, get, remove)
_RUN_VERBS = (list_runs, show, get, remove, logs, tag, compare, rerun)
_PATIENCE = 10.0  # seconds that a platform which does not answer is asked again: somebody waits


def main(argv: Sequence[str]) -> int:
    """Run one of these verbs; the exit status. Errors: OvenbirdError."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as done:  # argparse has printed the help, or what is wrong
        return SettingsError.exit_code if done.code else 0
    from .platform.opening import open_store

    store = open_store(options.platform or os.environ.get("OVENBIRD_PLATFORM", ""), os.environ, _PATIENCE)
    try:
        do: Callable[[Store, argparse.Namespace], int] = options.do
        return do(store, options)
    finally:
        store.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ovenbird")
    nouns = parser.add_subparsers(dest="noun", required=True)
    for noun in NOUNS:
        verbs = nouns.add_parser(noun, help=f"list, show, get and remove {noun}").add_subparsers(required=True)
        for verb in _RUN_VERBS if noun == "runs" else _VERBS:
            verb.add(verbs, noun)
    lineage.add(nouns.add_parser("lineage", help="where something comes from"))
    store_summary.add(nouns.add_parser("store", help="where the records are kept, and what there is"))
    return parser

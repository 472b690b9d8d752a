"""`ovenbird runs|dataitems|artifacts|models|functions list|show|get|rm|logs`, `ovenbird lineage`: parse and print."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .common.text import show_value
from .common.units import parse_whole
from .errors import SettingsError

if TYPE_CHECKING:
    from .platform.store import Row, Store

NOUNS = ("runs", "dataitems", "artifacts", "models", "functions")
_PATIENCE = 10.0  # seconds that a platform which does not answer is asked again: somebody waits
_PAUSE = 0.2  # seconds between two looks at a log that is followed
_FINAL = ("COMPLETED", "ERROR", "STOPPED")


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


def _list(store: Store, options: argparse.Namespace) -> int:
    from .platform import queries

    rows = queries.listed(
        store, queries.VERBS[options.noun], project=options.project, name=options.name,
        state=options.state, versions=options.versions, limit=options.limit or None,
    )  # fmt: skip
    if options.json or not sys.stdout.isatty():
        _print_json([{**row._asdict(), "key": row.key} for row in rows])
        return 0
    run = options.noun == "runs"
    head = ("ID", "STATE", "FUNCTION", "STARTED", "TOOK") if run else ("NAME", "KIND", "ID", "PROJECT", "CREATED")
    print(table([head, *(_run_line(row) if run else _line(row) for row in rows)]))
    if options.limit and len(rows) == options.limit:
        print(f"the newest {options.limit}; --limit 0 shows all", file=sys.stderr)
    return 0


def _show(store: Store, options: argparse.Namespace) -> int:
    from .platform import queries

    key = queries.located(store, queries.VERBS[options.noun], options.key, options.project)
    _print_json(queries.shown(store, key, os.environ))
    return 0


def _get(store: Store, options: argparse.Namespace) -> int:
    """Copy files: of an entity, or of all outputs of a run. The paths go to stdout."""
    from .platform import keys, queries

    key = queries.located(store, queries.VERBS[options.noun], options.key, options.project)
    found = [key]
    if key.type == "run":
        found = [keys.parse(output) for output in (store.read(key)["status"].get("outputs") or {}).values()]
    for one in found:
        print(queries.fetched(store, one, os.environ, options.destination, overwrite=options.overwrite))
    return 0


def _remove(store: Store, options: argparse.Namespace) -> int:
    from .platform import queries

    found = [queries.located(store, queries.VERBS[options.noun], text, options.project) for text in options.keys]
    for key in found:  # all were found before the first one is removed
        for gone in queries.removed(store, key, os.environ, versions=options.versions, keep_files=options.keep_files):
            print(gone)
    return 0


def _logs(store: Store, options: argparse.Namespace) -> int:
    """Print the log of a run; with --follow until the run has ended."""
    from .platform import queries

    key = queries.located(store, "run", options.key, options.project)
    shown = 0
    while True:
        ended = store.read(key)["status"].get("state") in _FINAL
        lines = list(store.log_lines(key.project, key.id or ""))
        for line in lines[shown:]:
            print(line.rstrip("\n"), flush=True)
        shown = len(lines)
        if ended or not options.follow:
            return 0
        time.sleep(_PAUSE)
        store.reap()


def _lineage(store: Store, options: argparse.Namespace) -> int:
    from .platform import lineage

    print(lineage.render(lineage.trace(store, options.key), options.format))
    return 0


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as text, in columns that are as wide as they need."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _run_line(row: Row) -> tuple[str, ...]:
    name = (row.function or "").rpartition("/")[2].partition(":")[0]
    return (row.id, row.state, name, _moment(row.started), _took(row))


def _line(row: Row) -> tuple[str, ...]:
    return (row.name, row.kind, row.id, row.project, _moment(row.created))


def _moment(text: str | None) -> str:
    return text[:19].replace("T", " ") if text else ""


def _took(row: Row) -> str:
    from datetime import datetime

    if not row.started or not row.ended:
        return ""
    begin, end = (datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (row.started, row.ended))
    return f"{(end - begin).total_seconds():.1f}s"


def _print_json(value: Any) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value)).decode())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ovenbird")
    nouns = parser.add_subparsers(dest="noun", required=True)
    for noun in NOUNS:
        verbs = nouns.add_parser(noun, help=f"list, show, get and remove {noun}").add_subparsers(required=True)
        _list_options(verbs.add_parser("list", help="newest first; a table on a terminal, JSON elsewhere"))
        show = verbs.add_parser("show", help="print one, whole, as JSON")
        get = verbs.add_parser("get", help="copy its files")
        remove = verbs.add_parser("rm", help="remove it, and the files that were stored for it")
        what = "key, id or its beginning" if noun == "runs" else "key, name (its latest version), id or its beginning"
        for one, do in ((show, _show), (get, _get)):
            one.add_argument("key", metavar="KEY", help=what)
            one.set_defaults(do=do)
        get.add_argument("destination", metavar="DIR", nargs="?", default=".", help="default: the current folder")
        get.add_argument("--overwrite", action="store_true", help="replace files that are there")
        remove.add_argument("keys", metavar="KEY", nargs="+", help=what)
        remove.add_argument("--versions", action="store_true", help="all versions of the name")
        remove.add_argument("--keep-files", action="store_true", help="forget the entry, keep its files")
        remove.set_defaults(do=_remove)
        if noun == "runs":
            logs = verbs.add_parser("logs", help="print the log of a run")
            logs.add_argument("key", metavar="KEY", help=what)
            logs.add_argument("--follow", "-f", action="store_true", help="until the run has ended")
            logs.set_defaults(do=_logs)
        for one in verbs.choices.values():
            one.add_argument("--project", metavar="NAME", help="only of this project")
            _platform_option(one)
    lineage = nouns.add_parser("lineage", help="where something comes from")
    lineage.add_argument("key", metavar="KEY")
    lineage.add_argument("--format", choices=("text", "dot", "mermaid", "json"), default="text")
    _platform_option(lineage)
    lineage.set_defaults(do=_lineage)
    return parser


def _platform_option(parser: argparse.ArgumentParser) -> None:
    text = "where they are kept; auto is core where DHCORE_ENDPOINT is set [OVENBIRD_PLATFORM]"
    parser.add_argument("--platform", choices=("core", "local", "auto"), help=text)


def _count(text: str) -> int:
    try:
        return parse_whole(text, 0, 10**9)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected {error}, found {show_value(text)}") from None


def _list_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", metavar="NAME", help="only of this name")
    parser.add_argument("--state", metavar="STATE", help="only in this state")
    parser.add_argument("--versions", action="store_true", help="every version, not the latest of each name")
    parser.add_argument("--limit", type=_count, default=100, metavar="N", help="at most so many; 0 for all [100]")
    parser.add_argument("--json", action="store_true", help="JSON on a terminal too")
    parser.set_defaults(do=_list)

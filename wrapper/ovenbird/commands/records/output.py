"""What the verbs of records share: common flags, and the output of times and JSON."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from ...common.text import escape_controls, show_value
from ...common.units import parse_whole

if TYPE_CHECKING:
    from ...platform.store import EntityStore

Verbs = Any  # argparse's subparsers, whose class has no public name


def add_verb(verbs: Verbs, name: str, text: str) -> argparse.ArgumentParser:
    """Add a verb with the flags that all of them have."""
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.add_argument("--project", metavar="NAME", help="only of this project")
    add_platform(parser)
    return parser


def add_platform(parser: argparse.ArgumentParser) -> None:
    """Add the flag that says in which store to look."""
    text = (
        "where they are kept; auto is postgres where OVENBIRD_STORE is set, else core where DHCORE_ENDPOINT is"
        " [OVENBIRD_PLATFORM]"
    )
    parser.add_argument("--platform", choices=("core", "postgres", "local", "auto"), help=text)


def key_help(noun: str) -> str:
    """Return what a KEY of this noun may be."""
    if noun == "runs":
        return "key, name, id or its beginning, `latest`, or `latest~1` for the one before"
    return "key, name (its latest version), id or its beginning"


def count(text: str) -> int:
    """Return a whole number from 0. Errors: argparse's."""
    try:
        return parse_whole(text, 0, 10**9)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected {error}, found {show_value(text)}") from None


def format_moment(text: str | None) -> str:
    """Return a timestamp as people read it, in UTC and without its fraction."""
    return text[:19].replace("T", " ") if text else ""


def cell_text(column: str, value: Any) -> str:
    """Return the value of a column of runs for people."""
    if column in ("started", "ended", "created", "updated"):
        return format_moment(value)
    if value is None:
        return ""
    if column in ("took", "seconds"):
        return f"{value:.1f}s"
    from ...api.records.run_list import format_value

    return format_value(value)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value)).decode())


def tell_empty(store: EntityStore, noun: str, project: str | None) -> None:
    """Say on stderr in which store nothing was found: the store of another folder is the usual reason."""
    from ...platform.queries import describe_place

    location = escape_controls(describe_place(store, project))
    print(f"no such {noun} in {location}; OVENBIRD_HOME or OVENBIRD_STORE names another store", file=sys.stderr)

"""`ovenbird runs tag`: name, tag and annotate a recorded run, also while it is running."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ...common.text import show_value
from .output import Verbs, add_verb, key_help, print_json

if TYPE_CHECKING:
    from ...platform.store import EntityStore


def add(verbs: Verbs, noun: str) -> None:
    """Add the verb and its flags."""
    parser = add_verb(verbs, "tag", "tag a run, name it, say what it is for; prints what is said of it then")
    parser.add_argument("key", metavar="RUN", help=key_help(noun))
    parser.add_argument("tags", metavar="KEY=VALUE", nargs="*", help="a tag, or a word alone; replaces that of its key")
    parser.add_argument("--remove", metavar="KEY", action="append", default=[], help="take a tag away; repeat for more")
    parser.add_argument("--name", metavar="NAME", type=_parse_name, help="give it a name; an empty one takes it away")
    parser.add_argument("--note", metavar="TEXT", help="say what it is for; an empty text takes it away")
    parser.set_defaults(do=run)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Change the name, the tags and the note of a run; return the exit status."""
    from ...api.records.tagging import TagChange, parse_tags, tag_run
    from ...platform import queries

    change = TagChange(parse_tags(options.tags), tuple(options.remove), options.name, options.note)
    key = queries.locate_entity(store, "run", options.key, options.project)
    summary = tag_run(store, key, change)
    print_json({name: summary[name] for name in ("id", "name", "tags", "note")})
    return 0


def _parse_name(text: str) -> str:
    from ...common.setting_values import run_name

    try:
        return run_name(text) if text else ""
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected {error}, found {show_value(text)}") from None

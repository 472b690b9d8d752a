"""`ovenbird runs tag`: name, tag and annotate a recorded run, also while it is running."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ...common.text import show_value
from ...errors import InputError
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
    from ...platform import queries
    from ...platform.entities.run_summary import format_tags, summarize

    additions = format_tags({"labels": options.tags})
    if "" in additions:
        raise InputError(
            f"a tag without a key: {', '.join(map(show_value, options.tags))}", hint="KEY=VALUE, or a word"
        )
    key = queries.locate_entity(store, "run", options.key, options.project)

    def change(metadata: dict[str, Any]) -> None:
        tags = {**format_tags(metadata), **additions}
        if missing := [name for name in options.remove if name not in tags]:
            hint = f"it has: {', '.join(tags)}" if tags else "it has no tags"
            raise InputError(f"the run has no tag {', '.join(map(show_value, missing))}", hint=hint)
        tags = {name: value for name, value in tags.items() if name not in options.remove}
        metadata["labels"] = [f"{name}={value}" if value else name for name, value in tags.items()]
        if options.note is not None:
            metadata["description"] = options.note
        if options.name is not None:
            metadata["name"] = options.name or key.id

    summary = summarize(store.annotate(key, change))
    print_json({name: summary[name] for name in ("id", "name", "tags", "note")})
    return 0


def _parse_name(text: str) -> str:
    from ...settings import run_name

    try:
        return run_name(text) if text else ""
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected {error}, found {show_value(text)}") from None

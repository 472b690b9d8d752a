"""The parsers of every verb of the `ovenbird` command, also of verbs from other packages."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from ...command_line.inner_parsers import find_sub_parsers
from ...command_line.verb_parser import VERBS, CommandParser, build_parser

OWN = {
    "init": "write a starting point: a function, its document, a test, an ignore file",
    "completion": "print what a shell completes this command by",
}
HIDDEN = ("container",)  # called by `--container` of other verbs, and not by people


def describe_verbs() -> dict[str, str]:
    """Return every verb that people call, with its line of help."""
    from ..records import record_verbs

    verbs = {**VERBS, **OWN, **record_verbs.VERBS}
    for entry in entry_points(group="ovenbird.commands"):
        verbs[entry.name] = getattr(import_module(entry.module), "VERBS", {}).get(entry.name, "")
    return {verb: text for verb, text in verbs.items() if verb not in HIDDEN}


def is_brought(verb: str) -> bool:
    """Return whether another package brings the verb."""
    return any(entry.name == verb for entry in entry_points(group="ovenbird.commands"))


def find_parser(verb: str) -> CommandParser:
    """Return the parser of a verb, complete, where packages that it needs are missing too. Errors: KeyError."""
    if verb in VERBS:
        return find_sub_parsers(build_parser(verb))[verb]
    if verb == "init":
        from ..init import build_parser as of_init

        return of_init()
    if verb == "completion":
        from ..completion_scripts import build_parser as of_completion

        return of_completion()
    from ..records import record_verbs

    if verb in record_verbs.VERBS:
        return find_sub_parsers(record_verbs.build_parser())[verb]
    for entry in entry_points(group="ovenbird.commands", name=verb):
        module: Any = import_module(entry.module)
        parser: CommandParser = module.build_parser(verb, for_help=True)
        return parser
    raise KeyError(verb)


def walk_parsers(parser: CommandParser) -> Iterator[CommandParser]:
    """Yield a parser and those of its verbs."""
    yield parser
    for inner in find_sub_parsers(parser).values():
        yield from walk_parsers(inner)

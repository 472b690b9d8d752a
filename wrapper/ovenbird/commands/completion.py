"""`ovenbird completion SHELL`: print the completion script of a shell.

The script holds all verbs and flags as text, so that a press of the tab key starts no Python.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from ..command_line.inner_parsers import describe_sub_parsers, find_sub_parsers, list_arguments, list_flags, takes_value
from ..errors import SettingsError
from .advice.verb_parsers import describe_verbs, find_parser
from .completion_scripts import FILES, FOLDERS, WRITERS, CompletionFlag, CompletionNode, build_parser

_OF_FILES = ("FILE", "PATH", "TARGET", "PLACE", "DEST")


def main(argv: Sequence[str]) -> int:
    """Print the script; return the exit status."""
    try:
        shell = build_parser().parse_args(argv[1:]).shell
    except SystemExit as exit_request:  # argparse has printed the help, or what is wrong
        return SettingsError.exit_code if exit_request.code else 0
    sys.stdout.write(WRITERS[shell](list(find_places())))
    return 0


def find_places() -> Iterator[CompletionNode]:
    """Yield every node of the command line: the top first, then each verb, and the verbs below it."""
    verbs = describe_verbs()
    top = (
        CompletionFlag(("--help", "-h"), "show the help", None),
        CompletionFlag(("--version",), "show the version", None),
    )
    yield CompletionNode("", {**verbs, "help": "show the help of a verb"}, top, "")
    yield CompletionNode("help", verbs, (), "")
    for verb in verbs:
        yield from _walk_nodes(find_parser(verb), verb)


def _walk_nodes(parser: argparse.ArgumentParser, words: str) -> Iterator[CompletionNode]:
    inner = find_sub_parsers(parser)
    texts = describe_sub_parsers(parser)
    positional = next((action for action in list_arguments(parser) if not action.option_strings), None)
    yield CompletionNode(
        words,
        {name: _shorten_help(texts.get(name, "")) for name in inner},
        tuple(_describe_flag(action) for action in list_flags(parser)),
        (_completion_value(action=positional) or "") if positional else "",
    )
    for name, below in inner.items():
        yield from _walk_nodes(below, f"{words} {name}")


def _describe_flag(action: argparse.Action) -> CompletionFlag:
    names = tuple(action.option_strings)
    if action.metavar == "BOOL":  # may stand alone, and be turned around
        return CompletionFlag((*names, f"--no-{names[0].removeprefix('--')}"), _shorten_help(action.help), None)
    return CompletionFlag(names, _shorten_help(action.help), _completion_value(action) if takes_value(action) else None)


def _completion_value(action: argparse.Action) -> str:
    """Return what a value is completed by: files, folders, words with blanks between them, or nothing."""
    if action.choices:
        return " ".join(map(str, action.choices))
    metavar = str(action.metavar or "")
    if "DIR" in metavar or "FOLDER" in metavar:
        return FOLDERS if "FILE" not in metavar else FILES
    if any(word in metavar for word in _OF_FILES):
        return FILES
    return " ".join(word for word in metavar.split("|") if word.islower() and word.replace("-", "").isalnum())


def _shorten_help(text: str | None) -> str:
    """Return the beginning of a line of help, without what only argparse reads."""
    line = (text or "").replace("%%", "%").split(" [OVENBIRD_")[0]
    return line if len(line) <= 80 else line[:77] + "..."

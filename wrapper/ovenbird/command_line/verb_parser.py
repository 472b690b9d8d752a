"""The command line of the runtime's own verbs, and the parser that all verbs share."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn, Protocol

from .. import settings as table
from ..common.setting_values import boolean

VERBS = {
    "serve": "serve a function over HTTP",
    "run": "run a function a single time as a job, and record what it made",
    "check": "load a function and print the contract that was resolved; init is not run, its parameters are bound",
    "invoke": "call a function once, in this process, and print its answer",
    "processor": "serve or run a function as the platform's processor does, from its document",
    "health": "ask the service on this machine whether it is ready: 0 when it is, else 1, with the reason on stderr",
}
# flags that are not settings, and have no variable
_CLUSTER = {"action": "store_true", "help": "on Kubernetes, by kubectl: `--cluster --help` has the flags of that"}
EXTRA: dict[str, dict[str, dict[str, Any]]] = {
    "run": {"cluster": _CLUSTER},
    "serve": {"cluster": _CLUSTER},
    "processor": {
        "config": {"metavar": "FILE", "required": True, "help": "the processor's document (kind NuclioFunction)"},
        "platform_config": {"metavar": "FILE", "help": "taken and not read"},
    },
    "check": {
        "json": {"action": "store_true", "help": "print JSON"},
        "imports": {
            "action": "store_true",
            "help": "add import times by distribution, and which requirements were never imported",
        },
    },
    "invoke": {
        "data": {"metavar": "TEXT|@FILE", "help": "the body: text, @FILE, or @- for stdin"},
        "content_type": {"metavar": "TYPE", "default": "application/json", "help": "media type of the body"},
        "header": {"metavar": "NAME:VALUE", "action": "append", "help": "a header; repeat for more"},
        "method": {"metavar": "METHOD", "help": "default: POST with a body, GET without"},
        "path": {"metavar": "PATH", "default": "/", "help": "path and query"},
    },
}
_TARGET = (
    "FILE.py:NAME, FILE.py (its `handler`), pkg.mod:NAME, function.yaml, or a folder that holds one; "
    "default: OVENBIRD_TARGET, the current folder, the function that an image was built with"
)


class Formatter(argparse.HelpFormatter):
    """A help formatter without shutil, which argparse's imports for the terminal's width with each option."""

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        try:
            width = int(columns) if columns.isdecimal() else os.get_terminal_size().columns
        except (ValueError, OSError):  # no terminal
            width = 0
        super().__init__(prog, width=(width or 80) - 2)


class Advice(Protocol):
    """The texts for people. It knows every verb, so it lies above the parser."""

    def describe_command(self) -> str:
        """Return the help of the command itself."""

    def complete_help(self, parser: CommandParser) -> None:
        """Add to a parser what only its help needs."""

    def explain_error(self, parser: CommandParser, message: str) -> str:
        """Return the text for a mistake that argparse has found."""


class CommandParser(argparse.ArgumentParser):
    """A parser whose help has groups, defaults and examples, and whose errors say what was meant.

    Both are made when they are printed. `note` is said at the end of the help.
    """

    words: Sequence[str] = ()
    note = ""
    advice: ClassVar[Advice | None] = None  # set by `cli`; without it help and errors are argparse's own

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"formatter_class": Formatter, **options})

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the arguments, and keep the words for an error message."""
        self.words = sys.argv[1:] if args is None else args
        return super().parse_args(args, namespace)

    def format_help(self) -> str:
        """Return the help: description, groups of flags, examples."""
        if self.advice is not None:
            if self.prog == "ovenbird":
                return self.advice.describe_command()
            self.advice.complete_help(self)
        return super().format_help()

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print a message; argparse's own hides that stdout is full or its reader gone."""
        stream = file or sys.stderr
        try:
            stream.write(message)
        except OSError:
            if stream is not sys.stderr:
                raise

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and what may have been meant, and exit with 2, which callers turn into their own
        status.
        """
        if self.advice is None:
            super().error(message)
        self.exit(2, self.advice.explain_error(self, message))


def build_parser(chosen: str) -> CommandParser:
    """Return the command line; options are added to the chosen verb alone, as adding all of them takes milliseconds."""
    from .. import __version__

    parser = CommandParser(prog="ovenbird", description="Turn a Python function into something that runs.")
    parser.add_argument("--version", action="version", version=f"ovenbird {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, text in VERBS.items():
        if chosen in VERBS and verb != chosen:
            continue
        verb_parser = verbs.add_parser(verb, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False)
        if verb != chosen:
            continue
        if verb not in ("processor", "health"):
            verb_parser.add_argument("target", nargs="?", metavar="TARGET", help=_TARGET)
        for row in table.options(verb):
            action = "append" if row.metadata["many"] else "store"
            help_text = f"{row.metadata['doc']} [{', '.join(table.variables(row))}]".replace("%", "%%")
            verb_parser.add_argument(
                table.flag(row), dest=row.name, action=action, metavar=row.metadata["metavar"], help=help_text
            )
        for name, options in EXTRA.get(verb, {}).items():
            verb_parser.add_argument("--" + name.replace("_", "-"), dest=name, **options)
    return parser


def spell_out(argv: list[str]) -> list[str]:
    """Return argv with full switches: `--debug=true` for `--debug`, `--access-log=false` for `--no-access-log`.

    A value in a word of its own is joined, as `--access-log off`.
    """
    switches = {table.flag(row) for verb in VERBS for row in table.options(verb) if row.metadata["parse"] is boolean}
    words: list[str] = []
    rest = iter(range(len(argv)))
    for index in rest:
        word = argv[index]
        if word.startswith("--no-") and "--" + word[5:] in switches:
            words.append(f"--{word[5:]}=false")
        elif word in switches:
            following = argv[index + 1] if index + 1 < len(argv) else ""
            try:
                words.append(f"{word}={boolean(following)}")
                next(rest)
            except ValueError:
                words.append(f"{word}=true")
        else:
            words.append(word)
    return words

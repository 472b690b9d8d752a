"""argv -> `ovenbird ui`. Registered with the `ovenbird` command by the entry point `ovenbird.commands`."""

from __future__ import annotations

import argparse
import os

from ovenbird.command_line.verb_parser import CommandParser
from ovenbird.common.text import show_value
from ovenbird.errors import SettingsError

VERBS = {"ui": "look at functions, runs and what they made in a browser, and run them again"}


def main(argv: list[str]) -> int:
    """Parse argv and serve the page until it is stopped; return the exit status. Errors: OvenbirdError."""
    try:
        args = build_parser(argv[0]).parse_args(argv[1:])
    except SystemExit as ending:  # argparse has printed the help, or what is wrong
        return SettingsError.exit_code if ending.code else 0
    from .server import serve_page

    return serve_page(args.host, args.port, os.environ, open_browser=args.open)


def build_parser(verb: str, *, for_help: bool = False) -> CommandParser:  # noqa: ARG001  # as the builder's
    """Return the parser of the verb."""
    text = VERBS[verb]
    parser = CommandParser(prog=f"ovenbird {verb}", description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--port", type=_parse_port, default=8081, metavar="PORT", help="0 is any free port")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="the address to listen on")
    parser.add_argument("--open", action="store_true", help="open the page in the browser of this machine")
    return parser


def _parse_port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, found {show_value(text)}")
    return int(text)

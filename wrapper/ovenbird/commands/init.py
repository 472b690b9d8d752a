"""`ovenbird init [FOLDER]`: write a function, its document, a test and an ignore file to begin with."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from ..api.starter import write_starter
from ..command_line.verb_parser import CommandParser
from ..errors import SettingsError

_NEXT = """wrote {files} in {folder}
next:
  {enter}ovenbird run --param name=Ada
  {enter}python -m unittest
  {enter}ovenbird serve --reload      # curl localhost:8080 --json '{{"name": "Ada"}}'
  {enter}ovenbird build --tag {name}:1
"""


def main(argv: Sequence[str]) -> int:
    """Write the files and print the next steps; return the exit status. Errors: SettingsError."""
    try:
        options = build_parser().parse_args(argv[1:])
    except SystemExit as exit_request:  # argparse has printed the help, or what is wrong
        return SettingsError.exit_code if exit_request.code else 0
    folder, name, files = write_starter(options.folder, options.name)
    enter = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    image = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "function"
    sys.stdout.write(_NEXT.format(files=", ".join(files), folder=folder, enter=enter, name=image))
    return 0


def build_parser() -> CommandParser:
    """Return the parser of the verb."""
    text = "Write a starting point: main.py, function.yaml, test_main.py and .ovenbirdignore. No file is replaced."
    parser = CommandParser(prog="ovenbird init", description=text, allow_abbrev=False)
    parser.add_argument("folder", nargs="?", default=".", metavar="FOLDER", help="made where it is not there yet")
    parser.add_argument("--name", metavar="NAME", help="of the function; default: that of the folder")
    return parser

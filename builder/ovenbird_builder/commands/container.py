"""`ovenbird container run|serve`: what `--container` of those verbs calls; the process becomes that of the engine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from ovenbird import settings as table
from ovenbird.errors import SettingsError

from ..actions.container_command import ContainerCall, make_container_command
from ..host import process
from ..request.function_target import resolve_target

_VERBS = ("run", "serve")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the verb, the target, and the flags of both verbs; which of them fit is said when they are resolved."""
    parser.allow_abbrev = False
    parser.add_argument("verb", choices=_VERBS)
    parser.add_argument("target", nargs="?", default="", metavar="TARGET", help="the function, whose image is run")
    for row in {row.name: row for verb in _VERBS for row in table.options(verb)}.values():
        action = "append" if row.metadata["many"] else "store"
        parser.add_argument(table.flag(row), dest=row.name, action=action, metavar=row.metadata["metavar"])


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the image, and never return. Errors: BuildRequestError, SettingsError, DocumentError, and those of a pull."""
    flags = {name: value for name, value in vars(args).items() if value is not None and name not in ("verb", "target")}
    names = {row.name for row in table.options(args.verb)}
    if unknown := sorted(set(flags) - names):
        raise SettingsError(f"`--{unknown[0].replace('_', '-')}` is not a flag of `{args.verb}`")
    settings = table.resolve(args.verb, flags, environ)
    if args.target:
        resolve_target(args.target)  # also with `--image`: a name that was mistyped would run another function
    call = ContainerCall(
        args.verb, args.target or environ.get("OVENBIRD_TARGET", ""), settings, flags, sys.stderr.isatty()
    )  # fmt: skip
    command = make_container_command(call, environ, lambda line: print(line, file=sys.stderr))
    process.replace(command.argv, command.environ)

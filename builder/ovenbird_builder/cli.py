"""argv -> one verb of the builder. Registered with the `ovenbird` command by the entry points `ovenbird.commands`."""

from __future__ import annotations

import gc
import os
from importlib import import_module
from typing import Any

from ovenbird.command_line.verb_parser import CommandParser
from ovenbird.common.interrupts import raise_on_interrupt
from ovenbird.errors import OvenbirdError, SettingsError

# verb -> one line of help; each lives in `commands/<verb>.py` as `add_options(parser)` and `run(args, environ) -> int`
VERBS = {
    "build": "build the image of a function",
    "bundle": "write all that a build needs to one file",
    "lock": "pin what a function needs, with hashes, in a file beside its source",
    "base": "list, build, pin and lock the base images",
    "cache": "list and prune what the builder keeps on this machine",
    "inspect": "show what is known about an image, without starting it",
    "sbom": "print the bill of materials of an image, as CycloneDX",
    "container": "run or serve a function in its image: what `--container` of both verbs calls",
    "rebase": "put a new base under the layers of an image, without building",
    "manifests": "print what Kubernetes or Knative needs to run a function",
}
# what other verbs call; nobody types these
_INNER = {
    "check": "say what a build would refuse in a function document",
    "run-cluster": "run a function on Kubernetes, and follow it: its log, its results, its exit status",
    "serve-cluster": "serve a function on Kubernetes, and wait until it is ready",
    "runs-cluster": "list, follow and stop runs on Kubernetes, read their logs",
}


def main(argv: list[str]) -> int:
    """Parse argv, run the verb; its exit status. Errors of ours are raised for the caller to tell."""
    verb = argv[0]
    parser = build_parser(verb, for_help=any(word in ("-h", "--help") for word in argv))
    try:
        args = parser.parse_args(argv[1:])
    except SystemExit as ending:  # argparse has printed the help, or what is wrong
        return SettingsError.exit_code if ending.code else 0
    run = _import_command(verb).run
    raise_on_interrupt()
    try:
        code: int = run(args, os.environ)
    except OvenbirdError as error:
        from .commands.options import name_variables

        name_variables([error], args, os.environ, verb)
        raise
    return code


def build_parser(verb: str, *, for_help: bool = False) -> CommandParser:
    """Return the parser of a verb. `for_help`: packages that are not installed may be missing, as nothing is run."""
    gc.disable()  # modules live as long as the process: looking for cycles among them takes a tenth of their import
    absent: list[str] = []
    if for_help:
        from .commands.missing_packages import replace_missing

        with replace_missing() as absent:
            command = _import_command(verb)
    else:
        command = _import_command(verb)
    gc.enable()
    text = VERBS.get(verb) or _INNER[verb]
    parser = CommandParser(
        prog=f"ovenbird {verb.replace('-cluster', ' --cluster')}", description=text[0].upper() + text[1:] + "."
    )
    command.add_options(parser)
    if absent:
        from ovenbird.common.install_hint import format_install_command

        parser.note = f"{', '.join(sorted(absent))}: needed, and not installed here: {format_install_command('build')}"
    return parser


def _import_command(verb: str) -> Any:
    """Import the module of a verb."""
    return import_module(f"{__package__}.commands.{verb.replace('-', '_')}")

"""argv -> one verb of the builder. Registered with the `ovenbird` command by the entry points `ovenbird.commands`."""

from __future__ import annotations

import argparse
import gc
import os
from importlib import import_module

from ovenbird.errors import SettingsError

# verb -> one line of help; each lives in `commands/<verb>.py` as `options(parser)` and `run(args, environ) -> int`
VERBS = {
    "build": "build the image of a function",
    "bundle": "write all that a build needs to one file",
    "lock": "pin what a function needs, with hashes, in a file beside its source",
    "base": "list, build, pin and lock the base images",
    "cache": "list and prune what the builder keeps on this machine",
    "inspect": "show what is known about an image, without starting it",
    "container": "run or serve a function in its image: what `--container` of both verbs calls",
    "rebase": "put a new base under the layers of an image, without building",
    "manifests": "print what Kubernetes or Knative needs to run a function",
}


def main(argv: list[str]) -> int:
    """Parse argv, run the verb; its exit status. Errors of ours are raised for the caller to tell."""
    verb = argv[0]
    gc.disable()  # modules live as long as the process: looking for cycles among them takes a tenth of their import
    command = import_module(f"{__package__}.commands.{verb}")
    gc.enable()
    text = VERBS[verb]
    parser = argparse.ArgumentParser(prog=f"ovenbird {verb}", description=text[0].upper() + text[1:] + ".")
    command.options(parser)
    try:
        args = parser.parse_args(argv[1:])
    except SystemExit as done:  # argparse has printed the help, or what is wrong
        return SettingsError.exit_code if done.code else 0
    code: int = command.run(args, os.environ)
    return code

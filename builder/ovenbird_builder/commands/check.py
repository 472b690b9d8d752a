"""The builder's part of `ovenbird check --strict`: what a build would refuse, without network, container and base."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from ovenbird.errors import DocumentError

from ..request.document_check import list_problems
from ..request.function_target import resolve_target


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("target", metavar="TARGET", help="function.yaml, or a folder that holds one")
    parser.add_argument("--source", default="", metavar="DIR", help="folder of the code, in place of the document's")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Return 0 where a build would refuse nothing. Errors: DocumentError, with every problem."""
    target = resolve_target(args.target, args.source)
    if problems := list_problems(target.function, environ):
        raise DocumentError(
            "the function document has what a build refuses, and so does `--strict`:", problems=problems
        )
    return 0

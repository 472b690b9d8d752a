"""`ovenbird lineage`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .output import add_platform

if TYPE_CHECKING:
    from ..platform.store import Store


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("key", metavar="KEY")
    parser.add_argument("--format", choices=("text", "dot", "mermaid", "json"), default="text")
    add_platform(parser)
    parser.set_defaults(do=run)


def run(store: Store, options: argparse.Namespace) -> int:
    """Print where an entity comes from; the exit status."""
    from ..platform import lineage

    print(lineage.render(lineage.trace(store, options.key), options.format))
    return 0

"""`ovenbird lineage`."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from .output import add_platform

if TYPE_CHECKING:
    from ...platform.store import EntityStore


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("key", metavar="KEY", help="key, name (its latest version), id or its beginning, or `latest`")
    parser.add_argument("--format", choices=("text", "dot", "mermaid", "json"), default="text")
    text = "compare files and URLs with what is recorded of them; the exit status is 1 where one has changed"
    parser.add_argument("--verify", action="store_true", help=text)
    parser.add_argument("--project", metavar="NAME", help="where a name is looked for")
    add_platform(parser)
    parser.set_defaults(do=run)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Print where an entity comes from; return the exit status."""
    from ...api.records.origins import trace_origins
    from ...platform.lineage import render_lineage

    origins = trace_origins(store, options.key, os.environ, options.project, verify=options.verify)
    print(render_lineage(origins.node, options.format))
    return 1 if origins.changed else 0

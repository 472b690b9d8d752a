"""`ovenbird runs rerun`: run a recorded run again, with its parameters and inputs or with others."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from .output import Verbs, add_verb, key_help

if TYPE_CHECKING:
    from ...platform.store import EntityStore


def add(verbs: Verbs, noun: str) -> None:
    """Add the verb and its flags."""
    from ... import settings as table
    from ...api.records.rerun import FLAGS

    parser = add_verb(verbs, "rerun", "run it again, as the code is now, in the folder where it was started")
    parser.add_argument("key", metavar="RUN", help=key_help(noun))
    for row in table.options("run"):
        if row.name in FLAGS:
            action = "append" if row.metadata["many"] else "store"
            help_text = row.metadata["doc"].replace("%", "%%")
            metavar = row.metadata["metavar"]
            parser.add_argument(table.flag(row), dest=row.name, action=action, metavar=metavar, help=help_text)
    parser.set_defaults(do=run)


def run(store: EntityStore, options: argparse.Namespace) -> int:
    """Run it again; return the exit status of the new run. Errors: OvenbirdError."""
    from ...api.records.rerun import FLAGS, plan_rerun, run_again
    from ...logging_config import configure
    from ...platform import queries
    from ..run import report_end

    record = store.read(queries.locate_entity(store, "run", options.key, options.project))
    flags = {name: getattr(options, name) for name in FLAGS}
    plan = plan_rerun(record, flags, os.environ, options.platform)
    configure(plan.settings.log_format, plan.settings.log_level)
    return report_end(run_again(plan), plan.settings)

"""The process of a run: its trace context, its log, and the store that stays open to its end."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from ..common.process_exit import flush_streams
from ..errors import OvenbirdError
from ..function.context import current_call
from ..platform.store import EntityStore
from .job_trace import JobTraceContext
from .result import RunEnd
from .tee import ease_stdout, tee_output

if TYPE_CHECKING:
    from .execution import JobRun

_log = logging.getLogger("ovenbird")
# never closed: the process ends with the run, and before Python 3.12 closing waits for the disk
_open_stores: list[EntityStore] = []


def keep_open(store: EntityStore) -> EntityStore:
    """Keep the store open until the process ends, and return it."""
    _open_stores.append(store)
    return store


def execute(job: JobRun, *, is_logged: bool = False) -> RunEnd:
    """Run a job that has a record in a process of its own, log under the id of its run, and return its end.

    `is_logged`: stdout and stderr lead to the log of the run already.
    """
    current_call.set(
        JobTraceContext(job.record.id, job.environ.get("TRACEPARENT", ""), job.environ.get("TRACESTATE", ""))
    )
    ease_stdout()
    log = None if is_logged else job.store.log_file(job.record.project, job.record.id)
    with tee_output(log) if log else contextlib.nullcontext():
        end = job.run()
    if is_logged:
        flush_streams()
    flush_log(job)
    return end


def flush_log(job: JobRun) -> None:
    """Store the last lines of the log, which came after the record of the end."""
    try:
        job.store.flush_log(job.record.project, job.record.id)
    except OvenbirdError as error:
        _log.warning("the last lines of the log are not stored: %s", error.message)

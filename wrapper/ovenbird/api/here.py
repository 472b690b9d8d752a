"""Run a function in this very process: breakpoints work, and a function of a notebook sees the notebook's objects."""

from __future__ import annotations

import contextlib
import contextvars
import os
from collections.abc import Iterator, Mapping

from ..errors import SettingsError
from ..function.context import current_call
from ..job.entrypoint import check_output_flags, record_job
from ..job.execution import JobRun, RunEnvironment
from ..job.interrupt import Uninterrupted
from ..job.job_trace import JobTraceContext
from ..job.result import RunEnd
from ..job.run_process import flush_log
from ..platform.entities.run import Run
from .failures import check_run
from .here_output import router
from .run_request import HERE, RunRequest
from .sources import FunctionSource
from .stores import open_shared_store, read_run


def run_here(source: FunctionSource, request: RunRequest, *, check: bool) -> Run:
    """Run the function, and return its run. Errors: RunFailedError with `check`; KeyboardInterrupt for Ctrl-C."""
    settings = request.settings
    if settings.timeout:
        raise SettingsError(
            "a run in this process has no timeout: a signal of this process would have to end it",
            hint='on="process" has one',
        )
    check_output_flags(settings)
    if settings.reuse:
        source.locate(request.environ)  # without its source, nobody can say whether an earlier run was the same
    function = source.load_here(request.environ)
    store = open_shared_store(settings, request.environ)
    with _added_variables(request.variables), _same_folder():
        job = record_job(
            function, RunEnvironment(settings, request.environ, store), request.parameters,
            {**request.launch, "on": HERE},
        )  # fmt: skip
        job.interruption, job.stdout = Uninterrupted(), None
        end = contextvars.copy_context().run(_execute, job)
    run = read_run(store, end.record.key, request.environ)
    if end.state == "STOPPED":
        raise KeyboardInterrupt(f"run {run.id} was stopped")
    return check_run(run, end.failure) if check else run


def _execute(job: JobRun) -> RunEnd:
    current_call.set(JobTraceContext(job.record.id, job.environ.get("TRACEPARENT", "")))
    with router.recording(job.store.log_file(job.record.project, job.record.id)):
        end = job.run()
    flush_log(job)
    return end


@contextlib.contextmanager
def _added_variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Within the block, set variables of this process; afterwards they are as before."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _same_folder() -> Iterator[None]:
    """After the block, return to the current folder, should the function have left it."""
    try:
        before = os.getcwd()  # noqa: PTH109  # the cheapest look
    except OSError:  # it was removed
        before = ""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if before and os.getcwd() != before:  # noqa: PTH109
                os.chdir(before)

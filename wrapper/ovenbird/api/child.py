"""The process of a run that the API has started: it gets its request by a pipe, and reports by another."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from typing import NoReturn

from ..common.process_exit import end_process
from ..errors import OvenbirdError
from ..function.tracebacks import summarize_error
from ..job.entrypoint import start_job
from ..job.execution import RunEnvironment
from ..job.run_process import execute, keep_open
from ..job.tee import redirect_output
from ..logging_config import configure
from ..platform.entities.run import Run
from ..platform.store import EntityStore
from ..platform.store_factory import open_store
from .child_report import describe_error, open_stream, report
from .child_request import ChildRequest


def main(request_descriptor: int, report_descriptor: int) -> NoReturn:
    """Become the process of one run, and end with its exit status."""
    for descriptor in (request_descriptor, report_descriptor):
        os.set_inheritable(descriptor, False)
    code = 1
    try:
        with io.open(request_descriptor, "rb", closefd=False) as pipe:  # noqa: UP020  # of a descriptor
            request = ChildRequest.decode(pipe.readline())
        code = _run(request, request_descriptor, report_descriptor)
    except OvenbirdError as error:
        code = error.exit_code
        report(report_descriptor, error=describe_error(error))
    except Exception as broken:
        report(report_descriptor, error={"code": "error", "message": summarize_error(broken), "hint": "", "cause": ""})
    end_process(code)


def _run(request: ChildRequest, request_descriptor: int, report_descriptor: int) -> int:
    if not request.is_logged:
        sys.stdout, sys.stderr = open_stream(1), open_stream(2)
    settings = request.settings
    configure("text" if settings.log_format == "auto" else settings.log_format, settings.log_level)
    store = keep_open(open_store(settings.platform, os.environ, settings.platform_patience))
    job = start_job(
        request.target, RunEnvironment(settings, os.environ, store), dict(request.parameters), request.launch,
        identity=request.identity, task=request.task,
    )  # fmt: skip
    job.stdout = None
    if request.is_logged:
        redirect_log(store, job.record)
    report(report_descriptor, started=job.record.key)
    if request.is_bound:
        threading.Thread(target=end_with_parent, args=(request_descriptor,), daemon=True).start()
    return execute(job, is_logged=request.is_logged).exit_code


def redirect_log(store: EntityStore, record: Run) -> None:
    """Let what this process prints go to the log of its run, where the parent could not open that."""
    if not store.has_log_files and (path := store.log_file(record.project, record.id)):
        redirect_output(path)


def end_with_parent(descriptor: int) -> None:
    """Wait until the parent has ended, whose end of the pipe is closed then, and stop this process."""
    while os.read(descriptor, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)

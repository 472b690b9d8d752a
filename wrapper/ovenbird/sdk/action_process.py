"""The process of a service or a build: it records its run, does its work, and records how that has ended."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from ..api.child import end_with_parent, redirect_log
from ..api.child_report import describe_error, report
from ..api.child_request import ChildRequest
from ..common.process_exit import end_process, flush_streams
from ..errors import OvenbirdError
from ..function.tracebacks import summarize_error
from ..job.run_process import keep_open
from ..logging_config import configure
from ..platform.entities.run import Run, start_run
from ..platform.store_factory import open_store

_STOPPED = (130, 143)


class ActionRun:
    """The run of an action in its own process: what was asked for, its record, and its store."""

    def __init__(self, request: ChildRequest, kind: str) -> None:
        assert request.task is not None
        settings = request.settings
        self.request, self.settings = request, settings
        self.lines = configure("text" if settings.log_format == "auto" else settings.log_format, settings.log_level)
        self.store = keep_open(open_store(settings.platform, os.environ, settings.platform_patience))
        self._failure: OvenbirdError | None = None
        fields = dict(request.task.fields)
        metadata = {"name": fields.pop("name", ""), "labels": fields.pop("labels", [])}
        self.record: Run = start_run(
            self.store, settings.project, os.environ, function=request.task.function, spec=fields,
            status={"pid": os.getpid(), "launch": dict(request.launch)}, identity=request.identity, kind=kind,
            metadata={field: value for field, value in metadata.items() if value},
        )  # fmt: skip

    def fail(self, error: OvenbirdError) -> int:
        """Write the error to the log, keep it for the record, and return its exit status."""
        self._failure = error
        print(f"error: {error}", file=sys.stderr, flush=True)
        if error.cause:
            print(error.cause, file=sys.stderr, flush=True)
        return error.exit_code

    def finish(self, code: int, state: str, message: str = "") -> None:
        """Record the end: `state` with the message for the exit status 0, else STOPPED or ERROR."""
        flush_streams()
        if code == 0 or code in _STOPPED:
            self.record.finish("STOPPED" if code else state, message=message)
            return
        failure = self._failure or OvenbirdError(f"it ended with {code}; the log says why")
        error = {"type": failure.code, "message": failure.message, "traceback": failure.cause}
        self.record.finish("ERROR", message=str(failure), error=error)


def run_action_process(
    request_descriptor: int, report_descriptor: int, kind: str, work: Callable[[ActionRun], int]
) -> NoReturn:  # fmt: skip
    """Become the process of one action, whose run is of this kind; end with the exit status of `work`."""
    for descriptor in (request_descriptor, report_descriptor):
        os.set_inheritable(descriptor, False)
    code = 1
    try:
        with os.fdopen(request_descriptor, "rb", closefd=False) as pipe:
            request = ChildRequest.decode(pipe.readline())
        action = ActionRun(request, kind)
    except OvenbirdError as error:
        report(report_descriptor, error=describe_error(error))
        end_process(error.exit_code)
    record = action.record
    os.environ.update(RUN_ID=record.id, PROJECT_NAME=record.project, OVENBIRD_LOCAL_RUN=record.id)
    redirect_log(action.store, record)
    report(report_descriptor, started=record.key)
    if request.is_bound:
        threading.Thread(target=end_with_parent, args=(request_descriptor,), daemon=True).start()
    try:
        code = work(action)
    except BaseException as broken:  # an error in Ovenbird: the record must be true all the same
        code = action.fail(OvenbirdError(summarize_error(broken), cause=traceback.format_exc()))
        action.finish(code, "ERROR")
    end_process(code)


def make_project_opener(action: ActionRun) -> Callable[[], Any]:
    """Return what opens the project of the action, for the function's `context`."""
    from ..platform.project.project import Project

    return lambda: Project(action.store, action.settings.project, os.environ)

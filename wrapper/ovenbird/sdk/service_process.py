"""The process of a service of `function.run("serve")`."""

from __future__ import annotations

from typing import NoReturn

from ..common.process_exit import end_process
from ..errors import OvenbirdError
from ..serve.service import ServiceHooks, serve
from .action_process import ActionRun, make_project_opener, run_action_process
from .action_runs import SERVE_KIND


def main(request_descriptor: int, report_descriptor: int) -> NoReturn:
    """Become the process of one service, and end with its exit status."""
    run_action_process(request_descriptor, report_descriptor, SERVE_KIND, serve_function)


def serve_function(action: ActionRun) -> int:
    """Serve until a signal, or the end of the parent; record where, and how that has ended."""
    record, target = action.record, action.request.target

    def announce(url: str) -> None:
        record.status.service = {"url": url.removeprefix("http://")}
        record.save(update=True)

    hooks = ServiceHooks(
        action.lines, lambda: target, action.fail, end_process, 0.0, make_project_opener(action), announce=announce
    )
    try:
        code = serve(target, action.settings, hooks)
    except OvenbirdError as error:
        code = action.fail(error)
    record.status.pop("service", None)
    action.finish(code, "STOPPED", "the service was stopped")
    return code

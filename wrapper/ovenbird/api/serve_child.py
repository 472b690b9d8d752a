"""The process of a service that the API has started: it tells its parent when it is ready, and ends with it."""

from __future__ import annotations

import io
import os
import signal
from time import time
from typing import NoReturn

from ..common.lifeline import end_with_writer
from ..common.process_exit import end_process
from ..errors import OvenbirdError
from ..function.target import Target
from ..function.tracebacks import summarize_error
from ..logging_config import configure
from ..serve.service import ServiceHooks, serve
from ..settings import Settings
from .child_report import describe_error, report
from .serve_request import ServeRequest


def main(request_descriptor: int, report_descriptor: int) -> NoReturn:
    """Become the process of a service, and end with its exit status."""
    began = time()
    for descriptor in (request_descriptor, report_descriptor):
        os.set_inheritable(descriptor, False)
    signal.signal(signal.SIGTERM, lambda *_: end_process(128 + signal.SIGTERM))  # until the service handles it

    def report_error(error: OvenbirdError) -> int:
        report(report_descriptor, error=describe_error(error))
        return error.exit_code

    try:
        with io.open(request_descriptor, "rb", closefd=False) as pipe:  # noqa: UP020  # of a descriptor
            request = ServeRequest.decode(pipe.readline())
        end_with_writer(request_descriptor)
        settings = request.settings
        lines = configure("text" if settings.log_format == "auto" else settings.log_format, settings.log_level)
        hooks = ServiceHooks(
            lines, lambda: request.target, report_error, end_process, time() - began,
            lambda: _open_project(request.target, settings), announce=lambda url: report(report_descriptor, url=url),
        )  # fmt: skip
        code = serve(request.target, settings, hooks)
    except OvenbirdError as error:
        code = report_error(error)
    except Exception as broken:
        code = report_error(OvenbirdError(summarize_error(broken)))
    end_process(code)


def _open_project(target: Target, settings: Settings) -> object:
    from ..platform.project.project import Project, resolve_project_name
    from ..platform.store_factory import open_store

    name = resolve_project_name(settings.project, os.environ, target.function.project if target.function else "")
    return Project(open_store(settings.platform, os.environ, settings.platform_patience), name, os.environ)

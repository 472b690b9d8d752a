"""`ovenbird serve`: serve a function over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..common.process_exit import end_process
from .verb_call import VerbCall, make_project_opener

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..function.target import Target
    from ..serve.service import ServiceHooks
    from ..settings import Settings


def main(call: VerbCall) -> int:
    """Serve until the service is stopped; return the exit status."""
    from ..serve.service import serve

    if not call.is_named_by_platform():
        target = call.find_target()
        return serve(target, call.settings, make_service_hooks(call, target, call.settings, call.find_target))
    from ..job.platform_run import resolve_service

    target, settings = resolve_service(call.settings, os.environ)
    return serve(target, settings, make_service_hooks(call, target, settings, lambda: target))


def make_service_hooks(call: VerbCall, target: Target, settings: Settings, find: Callable[[], Target]) -> ServiceHooks:
    """Return what a service needs of the command line. `find` returns the target anew, for a reload."""
    from ..serve.service import ServiceHooks

    return ServiceHooks(
        call.lines, find, call.report, end_process, _process_age(), make_project_opener(target, settings),
        read_age=_process_age,
    )  # fmt: skip


def _process_age() -> float:
    """Return the seconds since this process was started, its interpreter's start included; 0 where that is unknown."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        return max(0.0, float(Path("/proc/uptime").read_text().split()[0]) - ticks / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return 0.0

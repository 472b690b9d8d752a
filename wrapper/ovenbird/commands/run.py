"""`ovenbird run`: run a function a single time as a job, and record what it made."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ..settings import Settings
from .verb_call import VerbCall


def main(call: VerbCall) -> int:
    """Run the job; return its exit status."""
    target = None if call.is_named_by_platform() else call.find_target()
    if os.getpid() == 1:
        from ..common.first_process import leave_first_process

        leave_first_process()
    source = call.settings.source
    launch = {}
    with contextlib.suppress(OSError):  # a folder that is gone: such a run cannot be run again
        name = call.name if call.name != "." else source or "."
        launch = {"target": name, "source": source, "folder": str(Path.cwd())}
    if is_sweep(call.settings):
        from ..job.sweep.sweep import run_sweep

        return run_sweep(target, call.settings, os.environ, launch)
    from ..job.entrypoint import run

    return run(target, call.settings, os.environ, launch)


def is_sweep(settings: Settings) -> bool:
    """Return whether there are several runs: those of a grid, or of all lines of `--each`."""
    return bool(settings.grid) or (bool(settings.each) and settings.index < 0)

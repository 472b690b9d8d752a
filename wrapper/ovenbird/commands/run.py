"""`ovenbird run`: run a function a single time as a job, and record what it made."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from .verb_call import VerbCall


def main(call: VerbCall) -> int:
    """Run the job; return its exit status."""
    target = None if call.is_named_by_platform() else call.find_target()
    if os.getpid() == 1:
        from ..common.first_process import leave_first_process

        leave_first_process()
    from ..job.entrypoint import run

    source = call.settings.source
    launch = {}
    with contextlib.suppress(OSError):  # a folder that is gone: such a run cannot be run again
        name = call.name if call.name != "." else source or "."
        launch = {"target": name, "source": source, "folder": str(Path.cwd())}
    return run(target, call.settings, os.environ, launch)

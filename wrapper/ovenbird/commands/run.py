"""`ovenbird run`: run a function a single time as a job, and record what it made."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OutputError
from ..settings import Settings
from .verb_call import VerbCall

if TYPE_CHECKING:
    from ..job.result import RunEnd

_NOBODY_READS = (errno.EPIPE, errno.EBADF)  # the reader of a pipe has gone; the stream is closed


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
        from .sweep import main as sweep

        return sweep(target, call.settings, os.environ, launch)
    from ..job.entrypoint import run_function

    end = run_function(target, call.settings, os.environ, launch)
    return report_end(end, call.settings)


def report_end(end: RunEnd, settings: Settings) -> int:
    """Print what a run has returned, open the debugger where that is asked for, and return the exit status."""
    code = end.exit_code
    if end.returned and not _print_returned(end.returned, settings.result_file):
        code = code or OutputError.exit_code
    if settings.pdb:
        from ..job.debugger import debug_failure

        debug_failure(end.failure)
    return code


def _print_returned(returned: Mapping[str, Any], result_file: str) -> bool:
    """Print what the handler returned. Return False if stdout could not be written to."""
    from ..job.result_file import is_stdout, print_text
    from ..job.result_text import result_text

    if is_stdout(result_file):
        return True
    try:
        print_text(sys.stdout, result_text(returned))
    except ValueError:  # the function has closed stdout; the results are in the record
        pass
    except OSError as error:
        if error.errno not in _NOBODY_READS:
            reason = error.strerror or error
            logging.getLogger("ovenbird").error(
                "cannot write to stdout: %s; what was returned is in the record", reason
            )
            return False
    return True


def is_sweep(settings: Settings) -> bool:
    """Return whether there are several runs: those of a grid, or of all lines of `--each`."""
    return bool(settings.grid) or (bool(settings.each) and settings.index < 0)

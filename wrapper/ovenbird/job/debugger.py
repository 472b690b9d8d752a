"""`--pdb`: open the debugger where the function failed, after its run has been recorded."""

from __future__ import annotations

import logging
import pdb
import signal
import sys
import traceback

from ..function.tracebacks import has_user_frames

_log = logging.getLogger("ovenbird")


def debug_failure(error: BaseException | None) -> None:
    """Open the debugger at the frame that raised the error. Do nothing if the user's code was not on the stack."""
    cause = _user_error(error)
    if cause is None:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        _log.warning("--pdb: the debugger needs a terminal, and stdin or stdout is not one")
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    print("".join(traceback.format_exception_only(type(cause), cause)), end="", file=sys.stderr)
    try:
        pdb.post_mortem(cause.__traceback__)
    except KeyboardInterrupt:  # Ctrl-C leaves it too
        print(file=sys.stderr)


def _user_error(error: BaseException | None) -> BaseException | None:
    """Return the exception that the user's code raised: the first such one in the chain of causes, or None."""
    visited: list[BaseException] = []
    while error is not None and not any(error is other for other in visited):
        visited.append(error)
        if not type(error).__module__.startswith("ovenbird.") and has_user_frames(error):
            return error
        error = error.__cause__ or error.__context__
    return None

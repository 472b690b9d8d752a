"""`--pdb`: look at where the function has failed, on a terminal, once its run is recorded."""

from __future__ import annotations

import logging
import pdb
import signal
import sys
import traceback

from ..function.tracebacks import user_frames

_log = logging.getLogger("ovenbird")


def debug_failure(error: BaseException | None) -> None:
    """Open the debugger at the frame that raised, if it is of the user's code or of what that has called."""
    cause = _user_error(error)
    if cause is None:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        _log.warning("--pdb: the debugger needs a terminal, and here is none")
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
    """Return what the user's code raised, beneath the errors that Ovenbird has made of it."""
    seen: list[BaseException] = []
    while error is not None and not any(error is other for other in seen):
        seen.append(error)
        if not type(error).__module__.startswith("ovenbird.") and user_frames(error):
            return error
        error = error.__cause__ or error.__context__
    return None

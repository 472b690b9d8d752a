"""Report an error: one JSON record where the log is JSON, else text for people."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from ..common.text import escape_controls

if TYPE_CHECKING:
    from ..errors import OvenbirdError
    from ..logging_config import LogHandler

_FOLDER_GONE = "the current folder was removed: change to one that is there"


def report_error(error: OvenbirdError, lines: LogHandler | None = None, *, pod: bool = False) -> int:
    """Write an error to stderr and return its exit status.

    `lines` is the log once it is configured. With `pod` the error is why a pod fails, so it is also written as the
    container's termination message.
    """
    if is_folder_gone():
        error.hint = _FOLDER_GONE
    if pod:
        from ..common.termination_log import write_termination_message

        write_termination_message(error.code, str(error), error.cause)
    from ..logging_config import is_for_people, json_line, text_line

    log_format = os.environ.get("OVENBIRD_LOG_FORMAT")
    as_text = log_format == "text" or (log_format != "json" and is_for_people(sys.stderr))
    form = lines.line if lines else (text_line if as_text else json_line)
    if form is json_line:
        fields: dict[str, Any] = {"code": error.code, "exit_code": error.exit_code}
        fields |= {"hint": error.hint} if error.hint else {}
        fields |= {"traceback": error.cause} if error.cause else {}
        text = json_line(time.time(), "error", error.message, fields)
    else:
        cause = "".join(f"{escape_controls(line)}\n" for line in error.cause.split("\n")) if error.cause else ""
        hint = f"  hint: {error.hint}\n" if error.hint else ""
        text = f"{cause}error: {error.message}\n{hint}"
    with contextlib.suppress(OSError, ValueError):  # a closed stderr: the exit status still reports it
        sys.stderr.write(text)
        sys.stderr.flush()
    return error.exit_code


def is_folder_gone() -> bool:
    """Return whether the current folder was removed, so that no relative path can be resolved."""
    try:
        os.getcwd()  # noqa: PTH109  # pathlib's says the same, and makes a path of it
    except OSError:
        return True
    return False

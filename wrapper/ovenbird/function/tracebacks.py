"""Format what the user's code raised, without frames of Ovenbird and of the import system."""

from __future__ import annotations

import importlib
import os
import traceback
from types import FrameType

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep  # noqa: PTH100, PTH120 (compared as text)
_IMPORT = os.path.dirname(os.path.abspath(importlib.__file__)) + os.sep  # noqa: PTH100, PTH120


def user_traceback(error: BaseException) -> str:
    """Return the traceback of `error` and of its causes, without frames of Ovenbird and of the import system."""
    try:
        trace = traceback.TracebackException.from_exception(error)
        _cut_frames(trace, set())
        return "".join(trace.format()).rstrip()
    except Exception as broken:  # a class of the user's may raise anything from any attribute
        return f"{type(error).__qualname__} has a traceback that cannot be told: {type(broken).__qualname__}"


def user_stack(frame: FrameType | None) -> str:
    """Return the stack of the main thread as a traceback that begins where Ovenbird called the user's code."""
    entries = list(traceback.extract_stack(frame)) if frame else []
    begin = next((at for at, entry in enumerate(entries) if entry.filename.startswith(_OURS)), 0)
    lines = traceback.format_list([entry for entry in entries[begin:] if not _is_hidden(entry.filename)])
    return "Stack of the main thread (most recent call last):\n" + "".join(lines).rstrip()


def has_user_frames(error: BaseException) -> bool:
    """Return whether any frame of the traceback lies in code that is not Ovenbird's."""
    trace = error.__traceback__
    while trace is not None:
        if not _is_hidden(trace.tb_frame.f_code.co_filename):
            return True
        trace = trace.tb_next
    return False


def summarize_error(error: BaseException) -> str:
    """Return the type and the first line of the message, as in `ValueError: no such model`."""
    try:
        text = str(error).strip().partition("\n")[0]
    except BaseException:  # a user's __str__ may raise, or call sys.exit
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _cut_frames(trace: traceback.TracebackException, visited: set[int]) -> None:
    if id(trace) in visited:
        return
    visited.add(id(trace))
    trace.stack = traceback.StackSummary.from_list([frame for frame in trace.stack if not _is_hidden(frame.filename)])
    for other in (trace.__cause__, trace.__context__):
        if other is not None:
            _cut_frames(other, visited)
    for other in getattr(trace, "exceptions", None) or ():
        _cut_frames(other, visited)


def _is_hidden(filename: str) -> bool:
    return filename.startswith((_OURS, _IMPORT, "<frozen importlib"))

"""The log of a run for a page: its end only, in bounded pieces, as plain text."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections import deque
from pathlib import Path
from typing import NamedTuple

from ovenbird.common.text import cut_text, escape_controls
from ovenbird.platform.store import EntityStore

TAIL = 64 * 1024  # bytes of a log that a page begins with, and that one event holds at most
_BEHIND = 4 * TAIL  # a reader that is further behind jumps to the end
_LINES = 1000  # of a store that has no file of its own
_LONGEST = 4000  # characters of a line
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)")
_OWN = ("time", "level", "message", "logger", "request_id", "trace_id", "span_id", "traceback", "state", "error")


class LogPart(NamedTuple):
    """A piece of a log: its text, where the next one begins (bytes, or lines of a store without a file), what it cut.

    `skipped` is how many bytes (or lines) before it are not in it.
    """

    text: str
    end: int
    skipped: int


def read_log(
    store: EntityStore, project: str, identity: str, start: int | None = None, *, has_ended: bool = False
) -> LogPart:
    """Return the end of a log, or what follows `start`, in whole lines. Errors: PlatformError, InputError.

    The log of a run that `has_ended` is read to its end, also without a line feed there.
    """
    path = store.log_file(project, identity) if store.has_log_files else None
    if path is None:
        return _read_lines(store, project, identity, start)
    return read_log_file(path, start, has_ended=has_ended)


def read_log_file(path: Path, start: int | None = None, *, has_ended: bool = False) -> LogPart:
    """Return the end of a log file, or what follows `start`, in whole lines; nothing for one that does not exist.

    `has_ended`: nobody writes to it any more, so a last line without a line feed is whole.
    """
    try:
        handle = open_log(path)
    except FileNotFoundError:
        return LogPart("", 0, 0)
    except OSError as error:  # said once: a reader that goes on has a start
        return LogPart(f"The log cannot be shown: {error.strerror or error}.\n" if start is None else "", start or 0, 0)
    with open(handle, "rb") as log:  # noqa: PTH123  # a link is not followed
        size = log.seek(0, os.SEEK_END)
        first = _choose_start(size, start)
        log.seek(first)
        data = log.read(TAIL)
    end = data.rfind(b"\n") + 1 or (len(data) if len(data) == TAIL else 0)
    if has_ended and first + len(data) >= size:
        end = len(data)
    text = data[:end]
    if first and first != start:  # somewhere in a line
        text = text[text.find(b"\n") + 1 :]
    return LogPart(format_lines(text.decode("utf-8", "replace")), first + end, first if first != start else 0)


def open_log(path: Path) -> int:
    """Return a descriptor of a log file. Errors: OSError, also for a link, which is not followed, and for no file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link, which is not followed") from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no file")
    return handle


def _choose_start(size: int, start: int | None) -> int:
    if start is None or size - start > _BEHIND or size < start:
        return max(0, size - TAIL)
    return start


def _read_lines(store: EntityStore, project: str, identity: str, start: int | None) -> LogPart:
    lines: deque[str] = deque(maxlen=_LINES)
    count = 0
    for count, line in enumerate(store.log_lines(project, identity), 1):  # used after the loop
        if start is None or count > start:
            lines.append(line.rstrip("\n"))
    return LogPart(
        format_lines("\n".join(lines) + "\n" * bool(lines)), count, max(0, count - len(lines) - (start or 0))
    )


def format_lines(text: str) -> str:
    """Return lines of a log as people read them: a JSON line as time, level and message, no colours, no controls."""
    return "".join(format_line(line) + "\n" for line in text.splitlines())


def format_line(line: str) -> str:
    """Return one line of a log as plain text."""
    if line.startswith("{"):
        try:
            fields = json.loads(line)
            return _format_fields(fields)
        except (ValueError, RecursionError, AttributeError):
            pass
    return _make_plain(line)


def _format_fields(fields: dict[str, object]) -> str:
    """Return a line that Ovenbird has written, with the fields that user code has added."""
    message = _make_plain(str(fields.get("message", "")))
    more = " ".join(
        f"{_make_plain(str(name))}={_make_plain(str(value))}" for name, value in fields.items() if name not in _OWN
    )
    moment = str(fields.get("time", ""))[11:19]
    words = (moment, f"{fields.get('level', '')!s:7}".upper(), message, more)
    text = " ".join(filter(None, words))
    trace = str(fields.get("traceback") or "")
    return "\n".join([text, *(f"    {_make_plain(part)}" for part in trace.splitlines())])


def _make_plain(text: str) -> str:
    text = _COLOURS.sub("", text).rpartition("\r")[2] if "\r" in text.rstrip("\r") else _COLOURS.sub("", text)
    return cut_text("    ".join(map(escape_controls, text.rstrip("\r").split("\t"))), _LONGEST)

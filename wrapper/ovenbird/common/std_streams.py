"""Prepare stdin, stdout and stderr: they may be closed, full, or unable to encode what is printed."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO, cast

STDOUT = "<stdout>"  # in `OSError.filename`: what could not be written


def open_closed_streams() -> bool:
    """Open /dev/null in place of each standard stream that is closed. Return whether stdout was.

    Else the next file that is opened, a database or a socket, would get the number of the stream, and what is printed.
    """
    closed = sys.stdout is None
    for number, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # the lowest number that is free, which is this one
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115  # until the process ends
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    return closed


def guard_streams() -> None:
    """Have an error of stdout name it (`STDOUT`), escape what its encoding lacks, and let stderr never fail a command.

    For commands that run no code of a user's for long: their streams stay Python's own.
    """
    sys.stdout = _rebuild(sys.stdout, _Stdout, _choose_error_handler(sys.stdout))
    sys.stderr = _rebuild(sys.stderr, _Stderr, "backslashreplace")


def flush_stdout() -> None:
    """Flush stdout. Errors: OSError; a closed stream is not an error."""
    if sys.stdout is not None and not sys.stdout.closed:
        sys.stdout.flush()


class _Stdout(io.FileIO):
    """A writer whose OSErrors name the stream."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = STDOUT
            raise


class _Stderr(io.FileIO):
    """A writer that drops what cannot be written: the exit status still reports the failure."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _choose_error_handler(stream: TextIO) -> str:
    """Return the error handler for text that the encoding of a data stream lacks.

    UTF-8 lacks only the halves of surrogate pairs.
    """
    errors = cast(io.TextIOWrapper, stream).errors or "strict"
    return "backslashreplace" if errors == "strict" else errors


def _rebuild(stream: TextIO, kind: type[io.FileIO], errors: str) -> TextIO:
    """Return a text stream like another one, whose bytes go through a file of the given kind."""
    buffer = getattr(stream, "buffer", None)
    if not isinstance(stream, io.TextIOWrapper) or buffer is None:  # a program has put its own stream there
        return stream
    raw = kind(stream.fileno(), "w", closefd=False)
    unbuffered = isinstance(buffer, io.FileIO)  # python -u
    return io.TextIOWrapper(
        cast(Any, raw if unbuffered else io.BufferedWriter(raw)), encoding=stream.encoding, errors=errors,
        line_buffering=stream.line_buffering, write_through=stream.write_through,
    )  # fmt: skip

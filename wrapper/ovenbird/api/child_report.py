"""What a child process tells its parent: objects by a pipe, and what it prints."""

from __future__ import annotations

import contextlib
import io
import json
import os
from typing import Any

from ..errors import OvenbirdError


class _LenientPipe(io.FileIO):
    """A pipe that takes all text when nobody reads it any more: a print must not fail the run."""

    def write(self, data: Any) -> int:
        """Write bytes."""
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            return len(data)


def open_stream(descriptor: int) -> io.TextIOWrapper:
    """Return a stream for what this process prints, which goes on when nobody reads."""
    pipe = io.BufferedWriter(_LenientPipe(descriptor, "w", closefd=False))
    return io.TextIOWrapper(pipe, "utf-8", "backslashreplace", line_buffering=True, write_through=descriptor == 2)


def report(descriptor: int, **fields: Any) -> None:
    """Send an object to the parent, as a line of JSON."""
    with contextlib.suppress(OSError):  # the parent has ended
        os.write(descriptor, json.dumps(fields).encode() + b"\n")


def describe_error(error: OvenbirdError) -> dict[str, str]:
    """Return what the parent makes the same error of."""
    return {"code": error.code, "message": error.message, "hint": error.hint, "cause": error.cause}

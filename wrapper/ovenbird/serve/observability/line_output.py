"""Write lines of a log without waiting for whoever reads it.

A pipe that nobody empties would stop the event loop at the next `write`. The flag that prevents this belongs to the
open file, which the user's code and the process that started this one share; so a pipe or a terminal is opened once
more.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import socket
import stat
from collections.abc import Callable
from typing import Any

WHOLE = 4096  # PIPE_BUF: bytes that a pipe takes in one piece, however many processes write to it


class LineOutput:
    """Writes lines to the stream that `find_stream` returns, which may change."""

    def __init__(self, find_stream: Callable[[], Any]) -> None:
        self._find_stream = find_stream
        self._identity: Any = None  # of the open file below
        self._descriptor = -1  # the stream's own
        self._reopened = -1  # of the same file, opened once more
        self._send: Callable[[bytes], int] | None = None  # None for a stream without a descriptor
        self._rest = b""  # of a piece that is longer than a pipe takes at once, or for a terminal

    def write(self, text: str) -> bool:
        """Write a piece: lines of at most `WHOLE` bytes together, or a single one.

        Return False, without having written any of it, if the reader has fallen behind. A file that refuses it, such as
        one on a full disk, is no reason to stop serving.
        """
        try:
            stream = self._find_stream()
            self._open(stream)
            if self._send is None:
                stream.write(text)
                stream.flush()
                return True
            if not self.finish():
                return False
            stream.flush()  # a line of the user's without its end
            data = text.encode(stream.encoding or "utf-8", "backslashreplace")
            self._rest = data[self._send(data) :]
        except BlockingIOError:
            return False
        except Exception:  # of the file, or of what the user's code has put in place of stderr
            return True
        return True

    def finish(self) -> bool:
        """Write the rest of a piece of which the reader has got a part. Return False if there is still some."""
        if self._rest and self._send is not None:
            try:
                self._rest = self._rest[self._send(self._rest) :]
            except BlockingIOError:
                return False
            except OSError:
                self._rest = b""
        return not self._rest

    def wait(self, seconds: float) -> bool:
        """Wait until the reader has caught up. Return False if it has not within so many seconds."""
        if self._descriptor < 0:
            return True
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(seconds * 1000))

    @property
    def descriptors(self) -> list[int]:
        """Return the descriptors that this object has opened: a child must not keep a pipe open."""
        return [self._reopened] if self._reopened >= 0 else []

    def _open(self, stream: Any) -> None:
        """Find the best way to write to a stream, unless it is still the one of the last time."""
        try:
            if type(stream) is not io.TextIOWrapper:  # one in memory, or the user's own, whose `write` may do more
                raise ValueError
            descriptor = stream.fileno()
            state = os.fstat(descriptor)
        except (OSError, ValueError):
            self._close(stream)
            return
        identity = (descriptor, state.st_dev, state.st_ino)
        if identity == self._identity:
            return
        self._close(identity)
        self._descriptor = descriptor
        if stat.S_ISSOCK(state.st_mode):
            self._send = self._send_to_socket
        elif stat.S_ISFIFO(state.st_mode) or os.isatty(descriptor):
            try:
                flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
                self._reopened = reopened = os.open(f"/proc/self/fd/{descriptor}", flags)
                self._send = lambda data: os.write(reopened, data)
            except OSError:  # no /proc, or the file belongs to another user
                self._send = self._send_if_ready
        else:
            self._send = lambda data: os.write(descriptor, data)

    def _send_if_ready(self, data: bytes) -> int:
        """Write to a pipe that has room for a piece. It may be gone when another process writes in between.

        A terminal may have room for less than a piece, and then keeps this process waiting.
        """
        if not self.wait(0):
            raise BlockingIOError
        return os.write(self._descriptor, data[:WHOLE])

    def _send_to_socket(self, data: bytes) -> int:
        sock = socket.socket(fileno=self._descriptor)
        try:
            return sock.send(data, socket.MSG_DONTWAIT)
        finally:
            sock.detach()

    def _close(self, identity: Any) -> None:
        if self._reopened >= 0:
            with contextlib.suppress(OSError):
                os.close(self._reopened)
        self._identity, self._descriptor, self._reopened, self._send = identity, -1, -1, None
        self._rest = b""

"""Sockets that keep a deadline: the limit of urllib3 is for each read, and a slow server could send for ever."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class _Deadline(threading.local):
    moment: float | None = None


_deadline = _Deadline()


def set_deadline(moment: float | None) -> None:
    """Set when, on the clock of `time.monotonic`, all that this thread reads and sends has to be over."""
    _deadline.moment = moment


def _limit(sock: socket.socket) -> None:
    """Let the next operation of a socket end at the deadline of this thread. Errors: TimeoutError."""
    moment = _deadline.moment
    if moment is None:
        sock.settimeout(None)
        return
    seconds = moment - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    sock.settimeout(seconds)


class DeadlineSocket(socket.socket):
    """A socket that keeps the deadline of the thread that uses it."""

    def recv_into(self, *args: Any, **options: Any) -> int:
        """Receive bytes into a buffer. Errors: TimeoutError."""
        _limit(self)
        return super().recv_into(*args, **options)

    def sendall(self, *args: Any, **options: Any) -> None:
        """Send all bytes. Errors: TimeoutError."""
        _limit(self)
        super().sendall(*args, **options)


class DeadlineTlsSocket(ssl.SSLSocket):
    """The same over TLS."""

    def recv_into(self, *args: Any, **options: Any) -> int:
        """Receive bytes into a buffer. Errors: TimeoutError."""
        _limit(self)
        return super().recv_into(*args, **options)

    def sendall(self, *args: Any, **options: Any) -> None:
        """Send all bytes. Errors: TimeoutError."""
        _limit(self)
        super().sendall(*args, **options)


def _convert(sock: socket.socket) -> DeadlineSocket:
    """Return the same connection with a deadline."""
    timeout = sock.gettimeout()
    limited = DeadlineSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())
    limited.settimeout(timeout)
    return limited


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _convert(super()._new_conn())


class _TlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _convert(super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection

    def _validate_conn(self, conn: Any) -> None:
        """Connect. urllib3's own warns at each connection that is not verified, which `verify=False` asks for."""
        if conn.is_closed:
            conn.connect()


POOLS = {"http": _Pool, "https": _TlsPool}

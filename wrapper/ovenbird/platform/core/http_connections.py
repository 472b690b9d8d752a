"""HTTP/1.1 by the standard library, on connections that are kept: a pod of a tenth of a CPU loads it in a third of the
time that urllib3 takes. Bodies and answers are small, and are held in memory.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from ...common.redact import redact_text
from ..storage import http_pool

_MOST_IDLE = 8  # connections to one server that are kept
_TARGET_SAFE = "/%:@!$&'()*+,;=~?"  # what a path and a query may hold as they are


class HttpAnswer(NamedTuple):
    """A whole answer; the names of `headers` are in small letters."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class HttpCallError(Exception):
    """A call that got no answer; the text is the reason, in one line and without secrets."""


class CertificateError(HttpCallError):
    """The server's certificate is not accepted. Trying again would not help."""


class HttpConnections:
    """Connections to servers, through the proxies that the environment names. Threads and forks may share it.

    `connect`, `read`: seconds that making a connection, and waiting for the next bytes of an answer, may take.
    `authority` is a file of certificates to trust in place of the system's.
    """

    def __init__(self, environ: Mapping[str, str], connect: float, read: float, authority: str = "") -> None:
        self._authority = authority
        self._proxies = http_pool.list_proxies(environ)
        self._connect_timeout, self._read_timeout = connect, read
        self._lock = threading.Lock()
        self._idle: dict[tuple[int, str, str, str], list[HTTPConnection]] = {}

    def call(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> HttpAnswer:
        """Send a request and return the answer, whatever its status; redirects are not followed.

        Errors: CertificateError, HttpCallError.
        """
        parts = urlsplit(url)
        proxy = http_pool.find_proxy(url, self._proxies)
        # connections must not be shared with the processes that user code forks
        pool_key = (os.getpid(), parts.scheme, parts.netloc, proxy)
        target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), _TARGET_SAFE)
        if proxy and parts.scheme == "http":
            target = f"http://{parts.netloc.rpartition('@')[2]}{target}"
            headers = {**headers, **_proxy_authorization(urlsplit(proxy))}
        connection = self._take(pool_key) or self._open(parts, proxy)
        try:
            connection.request(method, target, body, dict(headers))
            response = connection.getresponse()
            data = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            raise _explain(error, "no answer came in time") from None
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._keep(pool_key, connection)
        return HttpAnswer(response.status, {name.lower(): value for name, value in response.getheaders()}, data)

    def forget_threads(self) -> None:
        """Take a new lock: in a forked process the present one may be held by a thread that is not there."""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the idle connections; in a forked process, only its copies of them."""
        idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def __del__(self) -> None:
        """Close the idle connections."""
        self.close()

    def _take(self, pool_key: tuple[int, str, str, str]) -> HTTPConnection | None:
        """Return an idle connection that its server has not closed, or None."""
        while True:
            with self._lock:
                waiting = self._idle.get(pool_key)
                connection = waiting.pop() if waiting else None
            if connection is None or not _is_ended(connection):
                return connection
            connection.close()

    def _keep(self, pool_key: tuple[int, str, str, str], connection: HTTPConnection) -> None:
        with self._lock:
            waiting = self._idle.setdefault(pool_key, [])
            if len(waiting) < _MOST_IDLE:
                waiting.append(connection)
                return
        connection.close()

    def _open(self, parts: SplitResult, proxy: str) -> HTTPConnection:
        """Return a new connection. Errors: CertificateError, HttpCallError."""
        via = urlsplit(proxy) if proxy else parts
        connection = self._make_connection(parts.scheme == "https" or via.scheme == "https", via)
        if proxy and parts.scheme == "https":
            connection.set_tunnel(parts.hostname or "", parts.port or 443, _proxy_authorization(via))
        try:
            connection.connect()
        except (OSError, HTTPException) as error:
            connection.close()
            raise _explain(error, "the connection was not made in time") from None
        connection.sock.settimeout(self._read_timeout)
        return connection

    def _make_connection(self, encrypted: bool, server: SplitResult) -> HTTPConnection:
        """Return a connection that is not made yet. Errors: OSError for an authority that cannot be read."""
        host, port, timeout = server.hostname or "", server.port, self._connect_timeout
        if not encrypted:
            return HTTPConnection(host, port or 80, timeout=timeout)
        import ssl

        default = (
            443 if server.scheme == "https" else 80
        )  # a proxy that is reached by HTTP and leads to a server by TLS
        context = ssl.create_default_context(cafile=self._authority or None)
        return HTTPSConnection(host, port or default, timeout=timeout, context=context)


def _proxy_authorization(proxy: SplitResult) -> dict[str, str]:
    """Return the header with the name and the password of a proxy's URL, if it has any."""
    if proxy.username is None:
        return {}
    from base64 import b64encode

    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(login.encode()).decode()}"}


def _is_ended(connection: HTTPConnection) -> bool:
    """Return whether an idle connection has something to read: its end, or bytes that nobody asked for."""
    if connection.sock is None:
        return True
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    with contextlib.suppress(OSError):
        return bool(waiting.poll(0))
    return True


def _explain(error: Exception, late: str) -> HttpCallError:
    """Return why a call got no answer; `late` says it of a time limit."""
    name = type(error).__name__
    if isinstance(error, TimeoutError):
        return HttpCallError(late)
    if isinstance(error, socket.gaierror):
        return HttpCallError("its host name cannot be resolved")
    if name.startswith("SSL"):
        text = str(error).partition(" (_ssl.c")[0].rpartition(": ")[2].strip("')\"(")
        return CertificateError(redact_text(text)[:200] or name)
    if isinstance(error, (HTTPException, ConnectionResetError, BrokenPipeError)):
        return HttpCallError("the connection broke off")
    text = getattr(error, "strerror", None) or str(error)
    return HttpCallError(redact_text(text)[:200] or name)

"""Send requests by urllib3, over connections that are kept."""

from __future__ import annotations

import os
import ssl
import time
import zlib
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions

from ..common.text import show_value
from .address import Address, find_proxy
from .body import Upload
from .deadline_sockets import POOLS, DeadlineTlsSocket, set_deadline
from .errors import (
    AnswerDecodeError,
    AnswerInterruptedError,
    CertificateError,
    ClientError,
    ClientTimeoutError,
    ConnectionFailedError,
)
from .request import Request

_UNSENT = (exceptions.NewConnectionError, exceptions.ConnectTimeoutError, exceptions.ProxyError)
_CHUNK = 64 * 1024
POOL_SIZE = 32  # connections that are kept; more are made, and closed after their call


class Received:
    """An answer whose body has not been read."""

    def __init__(self, response: urllib3.BaseHTTPResponse, request: Request) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response, self._request = response, request

    def read_chunk(self, deadline: float | None) -> bytes:
        """Return what has arrived of the body, decoded; empty at its end. Errors: ClientError."""
        set_deadline(deadline)
        try:
            return self._response.read1(_CHUNK, decode_content=True)
        except (exceptions.HTTPError, OSError, ValueError, zlib.error) as error:
            self.close()
            raise translate_error(error, self._request) from None
        finally:
            set_deadline(None)

    def close(self) -> None:
        """Close the connection if the body has not been read to its end; else it is kept."""
        self._response.close()
        self._response.release_conn()


class Urllib3Transport:
    """Connections to one service, for all threads."""

    def __init__(self, address: Address, context: ssl.SSLContext | None) -> None:
        if context is not None and context.sslsocket_class is ssl.SSLSocket:
            context.sslsocket_class = DeadlineTlsSocket
        options: dict[str, Any] = {"maxsize": POOL_SIZE, "block": False}
        if context is not None:
            options |= {"ssl_context": context}
        proxy_url = find_proxy(address)
        if proxy_url:
            options |= {"proxy_headers": _proxy_headers(proxy_url)}
        self._pool: urllib3.PoolManager = (
            urllib3.ProxyManager(proxy_url, **options) if proxy_url else urllib3.PoolManager(**options)
        )
        self._pool.pool_classes_by_scheme = POOLS

    def send(self, request: Request, connect_timeout: float, deadline: float | None) -> Received:
        """Send a request and return its answer as soon as its head has arrived. Errors: ClientError."""
        seconds_left = None if deadline is None else deadline - time.monotonic()
        if seconds_left is not None and seconds_left <= 0:
            raise ClientTimeoutError(f"{request.where}: the time of the call was up")
        timeout = urllib3.Timeout(connect=min(connect_timeout, seconds_left or connect_timeout), read=seconds_left)
        body: Any = request.body.read_chunks() if isinstance(request.body, Upload) else request.body or None
        headers = {"accept-encoding": "gzip, deflate", **request.headers}
        set_deadline(deadline)
        try:
            response = self._pool.urlopen(
                request.method, request.url, body=body, headers=headers, timeout=timeout, redirect=False,
                retries=False, preload_content=False, decode_content=True,
            )  # fmt: skip
        except (exceptions.HTTPError, OSError, ValueError) as error:
            if isinstance(error, ClientError):
                raise
            raise translate_error(error, request) from None
        finally:
            set_deadline(None)
        return Received(response, request)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.clear()


def _proxy_headers(proxy_url: str) -> dict[str, str]:
    auth = urlsplit(proxy_url).netloc.rpartition("@")[0]
    return dict(urllib3.make_headers(proxy_basic_auth=auth)) if auth else {}


def translate_error(error: Exception, request: Request) -> ClientError:
    """Return an error of urllib3's as one of ours."""
    reason = request.hide(_describe(error))
    chain = list(_causes(error))
    where = request.where
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CertificateError(
                f"{where}: the certificate of the service is not trusted: {cause.verify_message or reason}",
                hint="`verify=` names a file with the authority's certificate",
            )
    if any(isinstance(cause, _UNSENT) for cause in chain):
        return ConnectionFailedError(f"{where}: no connection: {reason}")
    if any(isinstance(cause, (exceptions.ReadTimeoutError, TimeoutError)) for cause in chain):
        return ClientTimeoutError(f"{where}: no answer in time")
    if isinstance(error, (exceptions.DecodeError, zlib.error)):
        return AnswerDecodeError(f"{where}: the answer is not encoded as it says: {reason}")
    if isinstance(error, exceptions.LocationValueError):
        return ClientError(f"{where}: {reason}")
    return AnswerInterruptedError(f"{where}: the connection broke off before the answer was complete: {reason}")


def _causes(error: BaseException | None) -> Any:
    """Yield an error and what it was raised from."""
    for _ in range(10):
        if error is None:
            return
        yield error
        reason = getattr(error, "reason", None)
        inner = [value for value in error.args if isinstance(value, BaseException)]
        error = error.__cause__ or (reason if isinstance(reason, BaseException) else None) or next(iter(inner), None)


def _describe(error: BaseException) -> str:
    """Return why a connection failed, in a few words."""
    chain = list(_causes(error))
    if any(isinstance(cause, exceptions.NameResolutionError) for cause in chain):
        return "its host name cannot be resolved"
    for cause in chain:
        if isinstance(cause, OSError) and cause.errno and cause.errno > 0 and not isinstance(cause, ssl.SSLError):
            return os.strerror(cause.errno)
    if any(isinstance(cause, exceptions.ConnectTimeoutError) for cause in chain):
        return "it was not made in time"
    text = str(error).rpartition(": ")[2].strip("')\"(")
    return show_value(text, 200) if text else type(error).__name__

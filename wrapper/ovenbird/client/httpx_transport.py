"""Send requests by httpx, on an event loop."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx

from ..common.text import show_value
from .address import Address, find_proxy
from .body import Upload
from .errors import (
    AnswerDecodeError,
    AnswerInterruptedError,
    CertificateError,
    ClientError,
    ClientTimeoutError,
    ConnectionFailedError,
)
from .request import Request

_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
POOL_SIZE = 100


class AsyncReceived:
    """An answer whose body has not been read."""

    def __init__(self, response: httpx.Response, request: Request) -> None:
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response, self._request = response, request
        self._chunks = response.aiter_bytes()

    async def read_chunk(self) -> bytes:
        """Return what has arrived of the body, decoded; empty at its end. Errors: ClientError."""
        try:
            async for chunk in self._chunks:
                if chunk:
                    return chunk
        except (httpx.HTTPError, httpx.StreamError) as error:
            await self.close()
            raise translate_error(error, self._request) from None
        return b""

    async def close(self) -> None:
        """Close the connection if the body has not been read to its end; else it is kept."""
        await self._response.aclose()


class HttpxTransport:
    """Connections to one service, on one event loop."""

    def __init__(self, address: Address, context: ssl.SSLContext | None) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=POOL_SIZE)
        transport = httpx.AsyncHTTPTransport(
            verify=context or False, limits=limits, proxy=find_proxy(address) or None, trust_env=False
        )
        # nothing is read from the environment: a `.netrc` would add credentials
        self._client = httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)

    async def send(self, request: Request, connect_timeout: float) -> AsyncReceived:
        """Send a request and return its answer as soon as its head has arrived. Errors: ClientError.

        The caller limits the time of all but the connection.
        """
        content: Any = _read_chunks(request.body) if isinstance(request.body, Upload) else request.body
        headers = {"accept-encoding": "gzip, deflate", **request.headers}
        timeout = httpx.Timeout(None, connect=connect_timeout)
        try:
            outgoing = self._client.build_request(
                request.method, request.url, headers=headers, content=content or None, timeout=timeout
            )
            response = await self._client.send(outgoing, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise translate_error(error, request) from None
        return AsyncReceived(response, request)

    async def close(self) -> None:
        """Close the connections that are kept."""
        await self._client.aclose()


async def _read_chunks(body: Upload) -> AsyncIterator[bytes]:
    for chunk in body.read_chunks():
        yield chunk


def translate_error(error: Exception, request: Request) -> ClientError:
    """Return an error of httpx's as one of ours."""
    where, chain = request.where, list(_causes(error))
    reason = request.hide(_describe(chain))
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CertificateError(
                f"{where}: the certificate of the service is not trusted: {cause.verify_message or reason}",
                hint="`verify=` names a file with the authority's certificate",
            )
    if isinstance(error, _UNSENT):
        return ConnectionFailedError(f"{where}: no connection: {reason}")
    if isinstance(error, httpx.TimeoutException):
        return ClientTimeoutError(f"{where}: no answer in time")
    if isinstance(error, httpx.DecodingError):
        return AnswerDecodeError(f"{where}: the answer is not encoded as it says: {reason}")
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
        return ClientError(f"{where}: {reason}")
    return AnswerInterruptedError(f"{where}: the connection broke off before the answer was complete: {reason}")


def _causes(error: BaseException | None) -> Any:
    """Yield an error and what it was raised from."""
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _describe(chain: list[BaseException]) -> str:
    """Return why a connection failed, in a few words."""
    for cause in chain:
        if isinstance(cause, OSError) and cause.errno and cause.errno > 0 and not isinstance(cause, ssl.SSLError):
            return os.strerror(cause.errno)  # asyncio puts other words into `strerror`
    if isinstance(chain[0], httpx.ConnectTimeout):
        return "it was not made in time"
    text = str(chain[0]).strip()
    return show_value(text, 200) if text else type(chain[0]).__name__

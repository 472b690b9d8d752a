"""`ovenbird.AsyncClient`: the same as `Client`, on an event loop."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .answer import Answer
from .arguments import NO_PAYLOAD
from .contract import Contract
from .core import CONTRACT, READY, READY_TIMEOUT, ClientCore, missing_package_error, not_ready_error
from .decoding import make_item_decoder
from .errors import ArgumentsMismatchError, ClientError, ClientTimeoutError, ConnectionFailedError, StatusError
from .request import Options, Request
from .tls import Verify

if TYPE_CHECKING:
    from .httpx_transport import AsyncReceived, HttpxTransport


class AsyncClient(ClientCore):
    """A client of one service: `async with AsyncClient(url) as client: await client.call(name="Ada")`.

    The arguments are those of `Client`. Each event loop that uses it has its own connections.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float | None = 60.0,
        connect_timeout: float = 5.0,
        retries: int = 3,
        idempotent: bool = False,
        headers: Mapping[str, str] | None = None,
        api_key: str | Callable[[], str] | None = None,
        verify: Verify = True,
        error_types: Mapping[str, type[StatusError]] | None = None,
    ) -> None:
        options = Options(timeout, connect_timeout, retries, idempotent, headers or {}, api_key, error_types or {})
        super().__init__(url, options, verify)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if transport := self._shared.take():
            with contextlib.suppress(RuntimeError):  # its event loop has ended, and its connections with it
                await transport.close()

    async def call(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call the function with arguments by name, or with one value, and return its result.

        Errors: ArgumentsMismatchError before anything is sent; StatusError for an answer that is no success.
        """
        request = await self._bind(args, kwargs)
        return self._check(await self._exchange(request), request).value

    def stream(self, /, *args: Any, **kwargs: Any) -> AsyncAnswerStream:
        """Return the answer of the function, to be iterated by `async for` while it arrives. Arguments are those of
        `call`. It is called when `async for` or `async with` begins.
        """
        return AsyncAnswerStream(self, args, kwargs)

    async def request(
        self, method: str, path: str = "", *, headers: Mapping[str, str] | None = None, **content: Any
    ) -> Answer:  # fmt: skip
        """Send a request without a look at the contract, and return the answer.

        `content` is one of `json=`, `body=`, `data=` and `files=`, and `params=` for the query. Errors: ClientError.
        """
        request = self._request_by_content(method, path, content, headers)
        return self._check(await self._exchange(request), request)

    async def post(self, path: str = "", *, headers: Mapping[str, str] | None = None, **content: Any) -> Answer:
        """Send a POST request, as `request` does."""
        return await self.request("POST", path, headers=headers, **content)

    async def get(self, path: str = "", *, headers: Mapping[str, str] | None = None, **content: Any) -> Answer:
        """Send a GET request, as `request` does."""
        return await self.request("GET", path, headers=headers, **content)

    async def read_contract(self) -> Contract:
        """Read the contract of the service, again if it is known already. Errors: ClientError."""
        request = self._request_for("GET", CONTRACT, NO_PAYLOAD)
        return self._keep_contract(await self._exchange(request), request)

    async def ready(self) -> bool:
        """Return whether the service is there and ready. Errors: ClientError where that cannot be known."""
        return (await self._ask_ready())[0]

    async def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Wait until the service is ready. Errors: ClientTimeoutError says what it waits for."""
        import anyio

        end, pause = time.monotonic() + timeout, 0.05
        while True:
            is_ready, reason = await self._ask_ready()
            if is_ready:
                return
            if time.monotonic() + pause >= end:
                raise not_ready_error(self.url, timeout, reason)
            await anyio.sleep(pause)
            pause = min(1.0, pause * 1.5)

    async def _ask_ready(self) -> tuple[bool, str]:
        client = self.with_options(retries=0, timeout=min(self._options.timeout or READY_TIMEOUT, READY_TIMEOUT))
        request = client._request_for("GET", READY, NO_PAYLOAD)
        try:
            return self._is_ready(await client._exchange(request), request)
        except (ConnectionFailedError, TimeoutError) as error:
            return False, str(error)

    async def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request:
        """Return the request of a call. A contract that refuses is read again: the service may be a newer one."""
        cached_contract = self._shared.contract
        contract = cached_contract or await self.read_contract()
        try:
            return self._request_by_contract(contract, args, kwargs)
        except ArgumentsMismatchError:
            if cached_contract is None or (contract := await self.read_contract()) == cached_contract:
                raise
        return self._request_by_contract(contract, args, kwargs)

    async def _exchange(self, request: Request) -> Answer:
        """Send a request, again where that is allowed, and return the whole answer. Errors: ClientError."""
        received = await self._begin(request, whole=True)
        assert isinstance(received, Answer)
        return received

    async def _begin(self, request: Request, *, whole: bool = False) -> Answer | AsyncReceived:
        """Send a request and return an answer that is a success as it arrives, any other as a whole.

        `whole`: each is read to its end. Errors: ClientError.
        """
        transport = self._open()
        import anyio

        deadline = self._deadline()
        attempt = 0
        while True:
            outcome: Answer | ClientError
            try:
                with _limit_time(request, deadline):
                    received = await transport.send(request, self._options.connect_timeout)
                    if 200 <= received.status < 300 and not whole:
                        return received
                    outcome = await _read_answer(received)
            except ClientError as error:
                outcome = error
            pause = self._pause(outcome, attempt, request, deadline)
            if pause is None:
                if isinstance(outcome, ClientError):
                    raise outcome
                return outcome
            await anyio.sleep(pause)
            attempt += 1

    def _open(self) -> HttpxTransport:
        try:
            from .httpx_transport import HttpxTransport
        except ImportError:
            raise missing_package_error("httpx") from None
        return self._shared.open(HttpxTransport, _running_loop())  # type: ignore[no-any-return]


def _running_loop() -> Any:
    """Return the running event loop of asyncio; None on another one."""
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


@contextlib.contextmanager
def _limit_time(request: Request, deadline: float | None) -> Iterator[None]:
    """End what runs in the block at the deadline. Errors: ClientTimeoutError."""
    import anyio

    seconds_left = None if deadline is None else max(0.0, deadline - time.monotonic())
    try:
        with anyio.fail_after(seconds_left):
            yield
    except ClientError:
        raise
    except TimeoutError:
        raise ClientTimeoutError(f"{request.where}: no answer in time") from None


async def _read_answer(received: AsyncReceived) -> Answer:
    chunks = []
    try:
        while chunk := await received.read_chunk():
            chunks.append(chunk)
    finally:
        await received.close()
    return Answer(received.status, received.headers, b"".join(chunks))


class AsyncAnswerStream:
    """The items of an answer while they arrive: JSON values of lines, server-sent events, pieces of text or bytes.

    `async with` closes the connection when the block is left before the end; a loop to the end closes it by itself.
    """

    status = 0
    headers: Mapping[str, str] = {}

    def __init__(self, client: AsyncClient, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._client, self._arguments = client, (args, kwargs)
        self._received: AsyncReceived | None = None
        self._request: Request | None = None
        self._items: Any = None

    async def __aenter__(self) -> AsyncAnswerStream:
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Any]:
        if self._items is None:
            self._items = self._read_items()
        return self._items  # type: ignore[no-any-return]

    async def close(self) -> None:
        """End the answer here: the service stops the function."""
        if self._items is not None:
            await self._items.aclose()
        if self._received is not None:
            await self._received.close()

    async def _start(self) -> AsyncReceived:
        """Call the function if that has not been done. Errors: ClientError."""
        if self._received is None:
            client = self._client
            self._request = request = await client._bind(*self._arguments)
            received = await client._begin(request)
            if isinstance(received, Answer):
                client._check(received, request)
                raise AssertionError
            self._received, self.status, self.headers = received, received.status, received.headers
        return self._received

    async def _read_items(self) -> Any:
        received = await self._start()
        assert self._request is not None
        decoder = make_item_decoder(self.headers.get("content-type", ""))
        try:
            while True:
                with _limit_time(self._request, self._client._deadline()):
                    chunk = await received.read_chunk()
                if not chunk:
                    break
                for item in decoder.feed(chunk):
                    yield item
            for item in decoder.finish():
                yield item
        finally:
            await received.close()

"""`ovenbird.Client`: call a service from a program, a notebook or another function."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .answer import Answer
from .arguments import NO_PAYLOAD
from .contract import Contract
from .core import CONTRACT, READY, READY_TIMEOUT, ClientCore, missing_package_error, not_ready_error
from .decoding import make_item_decoder
from .errors import ArgumentsMismatchError, ClientError, ConnectionFailedError, StatusError
from .request import Options, Request
from .tls import Verify

if TYPE_CHECKING:
    from .urllib3_transport import Received, Urllib3Transport


class Client(ClientCore):
    """A client of one service: `with Client("http://localhost:8080") as client: client.call(name="Ada")`.

    `url` may have a path, where a proxy has the service behind a prefix. `api_key` is sent as a bearer token, `verify`
    names the authority of a private certificate. Threads may share a client; a forked child has its own connections.
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

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if transport := self._shared.take():
            transport.close()

    def call(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call the function with arguments by name, or with one value, and return its result.

        Errors: ArgumentsMismatchError before anything is sent; StatusError for an answer that is no success.
        """
        request = self._bind(args, kwargs)
        return self._check(self._exchange(request), request).value

    def stream(self, /, *args: Any, **kwargs: Any) -> AnswerStream:
        """Call the function, and return its answer to be iterated while it arrives. Arguments are those of `call`.

        The time limit of the client is for the beginning of the answer, and for each wait between two items.
        """
        request = self._bind(args, kwargs)
        received = self._begin(request)
        if isinstance(received, Answer):
            self._check(received, request)
            raise AssertionError
        return AnswerStream(received, self._deadline)

    def request(
        self, method: str, path: str = "", *, headers: Mapping[str, str] | None = None, **content: Any
    ) -> Answer:  # fmt: skip
        """Send a request without a look at the contract, and return the answer.

        `content` is one of `json=`, `body=`, `data=` and `files=`, and `params=` for the query. Errors: ClientError.
        """
        request = self._request_by_content(method, path, content, headers)
        return self._check(self._exchange(request), request)

    def post(self, path: str = "", *, headers: Mapping[str, str] | None = None, **content: Any) -> Answer:
        """Send a POST request, as `request` does."""
        return self.request("POST", path, headers=headers, **content)

    def get(self, path: str = "", *, headers: Mapping[str, str] | None = None, **content: Any) -> Answer:
        """Send a GET request, as `request` does."""
        return self.request("GET", path, headers=headers, **content)

    @property
    def contract(self) -> Contract:
        """Return the contract of the service, which is read once. Errors: ClientError."""
        return self._shared.contract or self.read_contract()

    def read_contract(self) -> Contract:
        """Read the contract of the service, again if it is known already. Errors: ClientError."""
        request = self._request_for("GET", CONTRACT, NO_PAYLOAD)
        return self._keep_contract(self._exchange(request), request)

    def ready(self) -> bool:
        """Return whether the service is there and ready. Errors: ClientError where that cannot be known."""
        return self._ask_ready()[0]

    def wait_until_ready(self, timeout: float = 60.0) -> None:
        """Wait until the service is ready. Errors: ClientTimeoutError says what it waits for."""
        end, pause = time.monotonic() + timeout, 0.05
        while True:
            is_ready, reason = self._ask_ready()
            if is_ready:
                return
            if time.monotonic() + pause >= end:
                raise not_ready_error(self.url, timeout, reason)
            time.sleep(pause)
            pause = min(1.0, pause * 1.5)

    def _ask_ready(self) -> tuple[bool, str]:
        client = self.with_options(retries=0, timeout=min(self._options.timeout or READY_TIMEOUT, READY_TIMEOUT))
        request = client._request_for("GET", READY, NO_PAYLOAD)
        try:
            return self._is_ready(client._exchange(request), request)
        except (ConnectionFailedError, TimeoutError) as error:
            return False, str(error)

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request:
        """Return the request of a call. A contract that refuses is read again: the service may be a newer one."""
        cached_contract = self._shared.contract
        try:
            return self._request_by_contract(self.contract, args, kwargs)
        except ArgumentsMismatchError:
            if cached_contract is None or self.read_contract() == cached_contract:
                raise
        return self._request_by_contract(self.contract, args, kwargs)

    def _exchange(self, request: Request) -> Answer:
        """Send a request, again where that is allowed, and return the whole answer. Errors: ClientError."""
        received = self._begin(request, whole=True)
        assert isinstance(received, Answer)
        return received

    def _begin(self, request: Request, *, whole: bool = False) -> Answer | Received:
        """Send a request and return an answer that is a success as it arrives, any other as a whole.

        `whole`: each is read to its end. Errors: ClientError.
        """
        transport = self._open()
        deadline = self._deadline()
        attempt = 0
        while True:
            outcome: Answer | ClientError
            try:
                received = transport.send(request, self._options.connect_timeout, deadline)
                if 200 <= received.status < 300 and not whole:
                    return received
                outcome = _read_answer(received, deadline)
            except ClientError as error:
                outcome = error
            pause = self._pause(outcome, attempt, request, deadline)
            if pause is None:
                if isinstance(outcome, ClientError):
                    raise outcome
                return outcome
            time.sleep(pause)
            attempt += 1

    def _open(self) -> Urllib3Transport:
        try:
            from .urllib3_transport import Urllib3Transport
        except ImportError:
            raise missing_package_error("urllib3") from None
        return self._shared.open(Urllib3Transport, None)  # type: ignore[no-any-return]


def _read_answer(received: Received, deadline: float | None) -> Answer:
    chunks = []
    try:
        while chunk := received.read_chunk(deadline):
            chunks.append(chunk)
    finally:
        received.close()
    return Answer(received.status, received.headers, b"".join(chunks))


class AnswerStream:
    """The items of an answer while they arrive: JSON values of lines, server-sent events, pieces of text or bytes.

    `with` closes the connection when the block is left before the end; a loop to the end closes it by itself.
    """

    def __init__(self, received: Received, make_deadline: Callable[[], float | None]) -> None:
        self.status, self.headers = received.status, received.headers
        self._received = received
        self._make_deadline = make_deadline
        self._items = self._read_items()

    def __enter__(self) -> AnswerStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._items)

    def close(self) -> None:
        """End the answer here: the service stops the function."""
        self._items.close()
        self._received.close()

    def _read_items(self) -> Any:
        decoder = make_item_decoder(self.headers.get("content-type", ""))
        try:
            while chunk := self._received.read_chunk(self._make_deadline()):
                yield from decoder.feed(chunk)
            yield from decoder.finish()
        finally:
            self._received.close()

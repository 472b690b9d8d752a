"""Both clients, behind one interface: tests say once what holds for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from ovenbird.client.async_client import AsyncClient
from ovenbird.client.client import Client

Connect = Callable[..., Any]


class Driver:
    """An `AsyncClient` that is driven from this thread, with the methods of a `Client`."""

    def __init__(self, client: AsyncClient, portal: BlockingPortal) -> None:
        self.client, self._portal = client, portal

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        return (
            (lambda *args, **kwargs: self._portal.call(partial(method, *args, **kwargs)))
            if callable(method)
            else method
        )

    def with_options(self, **changes: Any) -> Driver:
        """Return a driver of a client with other options."""
        return Driver(self.client.with_options(**changes), self._portal)

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Iterate over a stream."""
        stream = self.client.stream(*args, **kwargs)
        items = stream.__aiter__()
        try:
            while True:
                try:
                    yield self._portal.call(items.__anext__)
                except StopAsyncIteration:
                    return
        finally:
            self._portal.call(stream.close)


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Make a client of either kind, which is closed afterwards: `connect(url, retries=0)`."""
    with start_blocking_portal() as portal:
        clients: list[Any] = []

        def make(url: str, **options: Any) -> Any:
            is_sync = request.param == "sync"
            clients.append(Client(url, **options) if is_sync else Driver(AsyncClient(url, **options), portal))
            return clients[-1]

        yield make
        for client in clients:
            client.close()

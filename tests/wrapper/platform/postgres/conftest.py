"""A database, stores on it as several hosts have them, and a network that loses answers."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.postgres import SHARED, PostgresServer, open_database
from tests.tcp import TcpServer, hang_up

from ovenbird.platform.postgres.database import Database
from ovenbird.platform.postgres.database_url import parse_database_url
from ovenbird.platform.postgres.run_owners import Owner, identify_owner
from ovenbird.platform.postgres.store import PostgresStore

OpenHost = Callable[..., PostgresStore]


@pytest.fixture
def open_host(database_url: str, tmp_path: Path) -> Iterator[OpenHost]:
    """Open the store as a process of another host does: its number and its boot mean nothing here.

    Its runs are lost without a sign of life for one second.
    """
    stores: list[PostgresStore] = []

    def open_store(host: str, margin: float = 1.0) -> PostgresStore:
        process = identify_owner().process._replace(boot=f"boot of {host}")
        stores.append(open_database(database_url, tmp_path / host, owner=Owner(process, host), margin=margin))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


class LossyNetwork(TcpServer):
    """Passes bytes on to a server; while `is_lossy`, a connection ends at its COMMIT, of which no answer comes back.

    With `is_delivered` that has reached the server, which has done it.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self.is_lossy, self.is_delivered = False, True
        super().__init__()

    def talk(self, client: socket.socket, number: int) -> None:
        """Pass on what a client sends."""
        del number
        server, is_lost = self.connect(("127.0.0.1", self._server_port)), threading.Event()
        self._spawn(partial(self._pass_answers, server, client, is_lost))
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if self.is_lossy and b"COMMIT" in data:
                    is_lost.set()
                    if not self.is_delivered:
                        break
                server.sendall(data)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _pass_answers(self, server: socket.socket, client: socket.socket, is_lost: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while (data := server.recv(65536)) and not is_lost.is_set():
                client.sendall(data)
        hang_up(client)


@pytest.fixture
def network(postgres_server: PostgresServer) -> Iterator[LossyNetwork]:
    """A network before the server."""
    network = LossyNetwork(postgres_server.port)
    yield network
    network.close()


@pytest.fixture
def distant(database_url: str, network: LossyNetwork) -> Iterator[Database]:
    """The shared database beyond that network."""
    del database_url
    url = f"postgresql://ovenbird@127.0.0.1:{network.port}/{SHARED}"
    database = Database(parse_database_url(url, "the test"), 5.0)
    yield database
    database.close()

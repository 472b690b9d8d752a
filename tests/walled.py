"""A site with walls: a private index behind TLS of an authority of its own, and a proxy with a password on the way."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.authority import issue_certificates
from tests.orchard import Orchard, free_port

GATE_USER, GATE_PASSWORD, GATE_WRITTEN = "keeper", "Fig&Leaf#4242", "Fig%26Leaf%234242"
# pypiserver brings no TLS of its own
_SERVE = """
import socketserver, ssl, sys, pypiserver
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

packages, passwords, certificate, key, port = sys.argv[1:]
app = pypiserver.app(
    roots=[packages], password_file=passwords, authenticate=["update", "download", "list"], disable_fallback=True
)


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server = Server(("127.0.0.1", int(port)), WSGIRequestHandler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.set_app(app)
server.serve_forever()
"""


@dataclass(frozen=True)
class Walled(Orchard):
    """The private index over TLS, and the certificate of its authority."""

    authority: Path

    @property
    def host(self) -> str:
        """Its host and port."""
        return self.url.split("/")[2]


@dataclass(frozen=True)
class Gate:
    """A forward proxy with a password: its host and port, its URL with the password, its log."""

    address: str
    url: str
    log: Path

    def count_passed(self, host: str) -> int:
        """How many connections to a host and port it has let through; it notes one when that ends."""
        return sum(f"CONNECT {host} " in line for line in self.log.read_text().splitlines())

    def count_refused(self) -> int:
        """How many it has turned away."""
        return self.log.read_text().count("ProxyAuthenticationFailed")


@pytest.fixture(scope="session")
def walled(orchard: Orchard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walled]:
    """The packages of `orchard`, by HTTPS."""
    home = tmp_path_factory.mktemp("walled")
    authority, port = issue_certificates(home), free_port()
    passwords = orchard.packages.parent / "htpasswd"
    words = [str(orchard.packages), str(passwords), str(authority.certificate), str(authority.key), str(port)]
    with _running([sys.executable, "-c", _SERVE, *words], home / "log", "", port):
        yield Walled(orchard.packages, f"https://127.0.0.1:{port}/simple", authority.authority)


@pytest.fixture(scope="session")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """A proxy of the site."""
    home, port = tmp_path_factory.mktemp("gate"), free_port()
    command = [
        sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", str(port), "--num-workers", "1",
        "--num-acceptors", "1", "--basic-auth", f"{GATE_USER}:{GATE_PASSWORD}", "--log-file", str(home / "log"),
    ]  # fmt: skip
    (home / "log").touch()
    with _running(command, home / "out", "", port):
        address = f"127.0.0.1:{port}"
        yield Gate(address, f"http://{GATE_USER}:{GATE_WRITTEN}@{address}", home / "log")


@contextmanager
def _running(command: list[str], log: Path, ready: str, port: int = 0) -> Iterator[None]:
    """Run a server until it prints `ready` or listens at a port; end it afterwards."""
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env={**os.environ})
    try:
        end = time.monotonic() + 30
        while not ((ready and ready in log.read_text()) or (port and _listens(port))):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0

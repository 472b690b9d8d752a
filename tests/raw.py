"""A client that may misbehave: it sends bytes over a socket and parses answers one by one."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.service import Service

FUNCTIONS = Path(__file__).parent / "functions"


class Answer(NamedTuple):
    """An answer; `is_complete` is false when the connection ended before the body did."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_complete: bool


class Raw:
    """One connection to a service."""

    def __init__(self, service: Service, patience: float = 20.0) -> None:
        address = urlsplit(service.url)
        self.sock = socket.create_connection((address.hostname, address.port), patience)
        self.file = self.sock.makefile("rb")

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Leave."""
        self.file.close()
        self.sock.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)

    def post(self, body: bytes = b"", path: str = "/", **headers: str) -> None:
        """Send a whole request."""
        self.send(request(body, path, **headers))

    def ended(self) -> bool:
        """Return whether the server closes the connection without another byte."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True

    def answer(self) -> Answer:
        """Return the next answer."""
        line = self.file.readline()
        assert line, "the connection ended without an answer"
        status = int(line.split()[1])
        headers: dict[str, str] = {}
        while (line := self.file.readline().strip()) != b"":
            key, _, value = line.decode("latin-1").partition(":")
            headers[key.lower()] = value.strip()
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, headers, *self._chunks())
        length = int(headers.get("content-length", "0"))
        body = self.file.read(length)
        return Answer(status, headers, body, len(body) == length)

    def _chunks(self) -> tuple[bytes, bool]:
        body = b""
        while True:
            line = self.file.readline()
            if not line:
                return body, False
            size = int(line, 16)
            part = self.file.read(size + 2)
            if len(part) < size + 2:
                return body + part, False
            if size == 0:
                return body, True
            body += part[:-2]


def request(body: bytes = b"", path: str = "/", method: str = "POST", **headers: str) -> bytes:
    """Return the bytes of a request."""
    fields = {"host": "test", "content-type": "application/json", "content-length": str(len(body))}
    fields |= {key.replace("_", "-"): value for key, value in headers.items()}
    head = "".join(f"{key}: {value}\r\n" for key, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


@contextlib.contextmanager
def run_service(
    factory: pytest.TempPathFactory, target: str, *flags: str, wait: bool = True, **environ: str
) -> Iterator[Service]:
    """Run a server for all tests of a module; `target` is below `tests/functions/`, or an absolute path."""
    service = Service(str(FUNCTIONS / target), flags, environ, factory.mktemp("serve"))
    try:
        yield service.wait_ready() if wait else service
    finally:
        service.kill()

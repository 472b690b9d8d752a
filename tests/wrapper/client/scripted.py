"""A server of raw TCP that answers each request with what a script says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.tcp import TcpServer

Step = bytes | Callable[[socket.socket], None]
CONTRACT = (
    b'{"openapi": "3.1.0", "paths": {"/": {"post": {"operationId": "greet", "requestBody": {"content": {'
    b'"application/json": {"schema": {"type": "object", "properties": {"name": {"type": "string"}}}}, '
    b'"application/x-www-form-urlencoded": {"schema": {}}}}}}}}'
)


def reply(body: bytes = b"{}", status: str = "200 OK", kind: str = "application/json", **headers: str) -> bytes:
    """Return an answer with a length."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "\r\n"]).encode() + body


class ScriptedServer(TcpServer):
    """Answers requests in their order; `requests` holds them, head and body. A step is bytes, or what does the talking.

    After a step that is a callable, and after the last step, the connection ends.
    """

    def __init__(self, steps: list[Step], *, contract: bool = True) -> None:
        self._steps: list[Step] = [*([reply(CONTRACT)] if contract else []), *steps]
        self._lock = threading.Lock()
        self.requests: list[bytes] = []
        super().__init__()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def calls(self) -> list[bytes]:
        """The requests that ask for no contract."""
        return [request for request in self.requests if b"/_/openapi.json" not in request]

    def talk(self, client: socket.socket, number: int) -> None:
        """Answer the requests of one connection."""
        stream = client.makefile("rb")
        while request := read_request(stream):
            with self._lock:
                self.requests.append(request)
                step = self._steps.pop(0) if self._steps else None
            if step is None:
                break
            if callable(step):
                step(client)
                break
            client.sendall(step)
        client.close()


def read_request(stream: object) -> bytes:
    """Return the next request of a connection, head and body; empty at its end."""
    head = b""
    while line := stream.readline():  # type: ignore[attr-defined]
        head += line
        if line == b"\r\n":
            break
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + (stream.read(int(lengths[0].partition(b":")[2])) if lengths else b"")  # type: ignore[attr-defined]


@contextmanager
def scripted(*steps: Step, contract: bool = True) -> Iterator[ScriptedServer]:
    """Run a server with a script. With `contract`, the first answer is a contract: `greet(name)`."""
    server = ScriptedServer(list(steps), contract=contract)
    try:
        yield server
    finally:
        server.close()

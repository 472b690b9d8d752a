"""A plain client on sockets: one call, many calls, an upload, a download. It never holds the data."""

from __future__ import annotations

import json
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack

import work
from processes import FailedError

MIB = 1024 * 1024
PIECE = bytes(range(256)) * 256  # 64 KiB
LIMIT = 60.0  # seconds that any one answer may take


class Connection:
    """One keep-alive connection: send bytes, read one answer at a time."""

    def __init__(self, port: int, timeout: float = LIMIT) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _receive(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def read_head(self) -> tuple[int, dict[str, str]]:
        """Return status and headers (lower case) of the next answer."""
        while b"\r\n\r\n" not in self.rest:
            self.rest += self._receive()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        return int(first.split()[1]), {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }

    def _read_exactly(self, size: int) -> Iterator[bytes]:
        """Return the next `size` bytes, in pieces as they come."""
        while size:
            data, self.rest = (self.rest, b"") if self.rest else (self._receive(), b"")
            data, self.rest = data[:size], data[size:]
            size -= len(data)
            yield data

    def _read_line(self) -> bytes:
        while b"\r\n" not in self.rest:
            self.rest += self._receive()
        line, _, self.rest = self.rest.partition(b"\r\n")
        return line

    def read_body(self, headers: dict[str, str]) -> Iterator[bytes]:
        """Return the body of an answer in pieces, by length or chunked."""
        if "chunked" not in headers.get("transfer-encoding", ""):
            yield from self._read_exactly(int(headers.get("content-length", 0)))
            return
        while size := int(self._read_line().partition(b";")[0], 16):
            yield from self._read_exactly(size)
            self._read_line()
        self._read_line()

    def read_answer(self) -> tuple[int, bytes]:
        """Return status and whole body of the next answer."""
        status, headers = self.read_head()
        return status, b"".join(self.read_body(headers))


def call(port: int, path: str, timeout: float = LIMIT) -> tuple[int, bytes]:
    """Do the work once on a new connection."""
    with Connection(port, timeout) as connection:
        connection.send(work.make_request(path))
        return connection.read_answer()


def drive(port: int, path: str, calls: int, connections: int = 16) -> None:
    """Do the work `calls` times over keep-alive connections, all in flight at once; every answer is checked."""
    data = work.make_request(path)
    with ExitStack() as stack:
        clients = [stack.enter_context(Connection(port)) for _ in range(connections)]
        while calls > 0:
            batch = clients[:calls]
            for client in batch:
                client.send(data)
            for client in batch:
                status, body = client.read_answer()
                if not work.is_good(status, body):
                    raise FailedError(f"answered {status} {body[:200]!r}")
            calls -= len(batch)


def upload(port: int, size: int, *, multipart: bool) -> None:
    """Send `size` bytes as a body or as a multipart field `file`, and check the size and checksum that come back."""
    before, after, kind = b"", b"", "application/octet-stream"
    if multipart:
        kind = "multipart/form-data; boundary=ovenbird"
        before = b'--ovenbird\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'
        after = b"\r\n--ovenbird--\r\n"
    length = len(before) + size + len(after)
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    checksum = 0
    with Connection(port) as connection:
        connection.send(head.encode() + before)
        for _ in range(size // len(PIECE)):
            checksum = zlib.crc32(PIECE, checksum)
            connection.send(PIECE)
        connection.send(after)
        status, body = connection.read_answer()
    if status != 200 or json.loads(body) != {"size": size, "checksum": checksum}:
        raise FailedError(f"the upload was answered {status} {body[:200]!r}")


def download(port: int, size: int) -> None:
    """Read an answer of `size` bytes and drop it; a pause at the start lets a server without flow control run ahead."""
    received = 0
    with Connection(port) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        status, headers = connection.read_head()
        for piece in connection.read_body(headers):
            if not received:
                time.sleep(1)
            received += len(piece)
    if status != 200 or received != size:
        raise FailedError(f"the download was answered {status} with {received} of {size} bytes")


def settle(port: int, workers: int) -> None:
    """Wait until all workers of a service answer, as those that start later open the port later."""
    answers: set[bytes] = set()
    end = time.monotonic() + LIMIT
    while len(answers) < workers and time.monotonic() < end:
        with ExitStack() as stack:
            for _ in range(8 * workers):
                connection = stack.enter_context(Connection(port))
                connection.send(b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n")
                answers.add(connection.read_answer()[1])
    if len(answers) < workers:
        raise FailedError(f"{len(answers)} of {workers} workers answer")
    time.sleep(1)  # until the counts of connections are right again

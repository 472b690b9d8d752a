"""The requests and answers that a strict reader (h11) finds in the bytes of a connection."""

from __future__ import annotations

import re

import h11
from msgspec import Struct

_LARGEST_HEAD = 1024 * 1024  # bytes; the server's own limit is lower, and is answered


class Request(Struct, frozen=True):
    """One whole request."""

    method: str
    size: int


class Reading(Struct, frozen=True):
    """The whole requests of a connection; `rest`: bytes follow that are no whole request, or something else."""

    requests: tuple[Request, ...]
    rest: bool


def read(data: bytes) -> Reading:
    """What h11 reads,
    up to the first thing that is not HTTP. RFC 9112 2.2: empty lines before a request are skipped."""
    requests: list[Request] = []
    while data := re.sub(rb"^(\r?\n)+", b"", data):
        reader = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)
        reader.receive_data(data)
        method, size = "", 0
        try:
            while not isinstance(event := reader.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                    return Reading(tuple(requests), rest=True)
                if isinstance(event, h11.Request):
                    method = event.method.decode()
                elif isinstance(event, h11.Data):
                    size += len(event.data)
        except h11.RemoteProtocolError:
            return Reading(tuple(requests), rest=True)
        requests.append(Request(method, size))
        data = reader.trailing_data[0]
        if reader.their_state is h11.MUST_CLOSE:
            break
    return Reading(tuple(requests), rest=bool(data))


class Answer(Struct, frozen=True):
    """One whole answer."""

    status: int
    body: bytes


def read_answers(data: bytes, requests: tuple[Request, ...]) -> list[Answer]:
    """Return the answers in what a server sent, each read as that to its request.

    Raises h11.RemoteProtocolError for bytes that are not HTTP/1.1, and AssertionError for half an answer.
    """
    responses: list[Answer] = []
    while data:
        method = requests[len(responses)].method if len(responses) < len(requests) else "GET"
        answer, rest = _read_answer(data, method)
        if answer is None or (rest and not rest.startswith(b"HTTP/1.1 ")):  # a refusal may not know the method
            answer, rest = _read_answer(data, "GET" if method == "HEAD" else "HEAD")
        assert answer, f"half an answer: {data[:300]!r}"
        responses.append(answer)
        data = rest
    return responses


def _read_answer(data: bytes, method: str) -> tuple[Answer | None, bytes]:
    """Return the first answer, to a request of that method, and the bytes behind it; None for half an answer."""
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST_HEAD)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "test")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    status, body = 0, b""
    while (event := client.next_event()) is not h11.NEED_DATA:
        if isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return Answer(status, body), client.trailing_data[0]
    return None, b""

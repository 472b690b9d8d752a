"""For any bytes the server stays alive, answers in HTTP, and sees no more requests than a strict reader."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.fuzz import corpus, reference
from tests.fuzz.mutation import explore
from tests.fuzz.requests import Connection, draw_connection
from tests.fuzz.server import serve_fuzzed
from tests.service import Service

_SECONDS = float(os.environ.get("FUZZ_SECONDS", "6")) / 4  # for each kind of handler
_SEED = int(os.environ.get("FUZZ_SEED", "0"))
_PATIENCE = 0.1  # seconds after which a server that says nothing waits for more
_GOOD = b"POST /good HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
_SEPARATOR = b"\n--- packet ---\n"  # in a file of the corpus


def exchange(service: Service, connection: Connection) -> bytes:
    """Send the packets, then end our side; return all that the server sends."""
    address = urlsplit(service.url)
    received = b""
    with socket.create_connection((address.hostname, address.port), 20) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for packet in connection.packets:
                sock.sendall(packet)
            for patience in (_PATIENCE, 20.0):
                sock.settimeout(patience)
                try:
                    while data := sock.recv(65536):
                        received += data
                    break
                except TimeoutError:
                    assert patience == _PATIENCE, "the server keeps a connection whose client has ended its side"
                    sock.shutdown(socket.SHUT_WR)
    return received


def check(service: Service, connection: Connection) -> None:
    """Send a connection, and compare what the server answers with what h11 reads in it."""
    reading = reference.read(connection.data)
    if not reading.rest:  # nothing is open: one request more ends the connection
        connection = Connection((*connection.packets, _GOOD))
        reading = reference.read(connection.data)
    answers = reference.read_answers(exchange(service, connection), reading.requests)
    count = len(reading.requests)
    assert len(answers) <= count + reading.rest, f"{len(answers)} answers to {count} requests: {answers}"
    for answer, request in zip(answers, reading.requests, strict=False):
        assert answer.status < 500 or answer.status in (501, 505), f"{answer} to {request}"
        if answer.status == 200 and answer.body.startswith(b'{"method"'):
            reply = json.loads(answer.body)
            assert (reply["method"], reply["size"]) == (request.method, request.size), f"{reply} was made of {request}"
    for answer in answers[count:]:  # to what is no whole request for h11
        assert answer.status >= 400, f"{answer} to something that is no request"


@pytest.mark.slow
@pytest.mark.parametrize("target", ["main.py:raw", "main.py:raw_async", "applications.py:asgi", "applications.py:wsgi"])
def test_the_port_is_no_more_lenient_than_a_strict_reader(target: str, tmp_path: Path) -> None:
    """Connections of malformed, pipelined and cut requests get as many answers as h11 sees requests, and valid ones.

    Afterwards the server lives and answers a good request; its memory and its loop were never exhausted.
    """
    last = Connection(())

    def check_connection(connection: Connection) -> None:
        nonlocal last
        last = connection
        check(service, connection)

    with serve_fuzzed(target, tmp_path) as service:
        try:
            for data in corpus.read_seeds("http"):
                check_connection(Connection(tuple(data.split(_SEPARATOR))))
            explore(draw_connection(), check_connection, _SECONDS, _SEED)
        except Exception:
            print(f"kept as {corpus.save_failed('http', _SEPARATOR.join(last.packets))}")
            raise
        assert exchange(service, Connection((_GOOD,))).startswith(b"HTTP/1.1 200 ")

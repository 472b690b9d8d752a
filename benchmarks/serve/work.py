"""The work that every server does: 50 bytes of JSON in, an answer built from both fields out."""

from __future__ import annotations

import json

BODY = b'{"name":"rufous hornero, the ovenbird","n":123456}'
ANSWER = {"greeting": "hello rufous hornero, the ovenbird", "next": 123457}

assert len(BODY) == 50


def make_request(path: str) -> bytes:
    """Return the bytes of one call."""
    headers = f"Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
    return f"POST {path} HTTP/1.1\r\n{headers}\r\n".encode() + BODY


def is_good(status: int, body: bytes) -> bool:
    """Return whether an answer is the right one."""
    try:
        return status == 200 and json.loads(body) == ANSWER
    except ValueError:
        return False

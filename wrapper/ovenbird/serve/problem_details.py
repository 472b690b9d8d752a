"""Problem documents (RFC 9457): what a client is told when there is no answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from .response.model import HttpResponse

Header = tuple[bytes, bytes]


class HttpProblem(Exception):
    """A call ends with this status; `detail` is for the client and says nothing of the inside."""

    def __init__(self, status: int, detail: str, *, headers: tuple[Header, ...] = (), **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.extra = extra

    def reply(self) -> HttpResponse:
        """The problem document, ready to be sent."""
        return problem(self.status, self.detail, headers=self.headers, **self.extra)


def problem(status: int, detail: str, *, headers: tuple[Header, ...] = (), **extra: Any) -> HttpResponse:
    """A reply that is a problem document; `extra` are further members of it."""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    body = msgspec.json.encode({"type": "about:blank", "title": title, "status": status, "detail": detail, **extra})
    lines = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body)), *headers]
    return HttpResponse(status, lines, body)


def retry_after(seconds: float) -> tuple[Header, ...]:
    """The header that tells the client when to come again: whole seconds, at least 1."""
    return ((b"retry-after", b"%d" % max(1, round(seconds))),)

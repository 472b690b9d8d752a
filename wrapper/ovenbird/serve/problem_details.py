"""Problem documents (RFC 9457): the answers to calls that fail or are refused."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from .response.model import HttpResponse

Header = tuple[bytes, bytes]


class HttpProblem(Exception):
    """Ends a call with a status. `detail` is for the client and must not reveal internals."""

    def __init__(self, status: int, detail: str, *, headers: tuple[Header, ...] = (), **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.extra = extra

    def reply(self) -> HttpResponse:
        """Return the problem document as a response."""
        return problem_response(self.status, self.detail, headers=self.headers, **self.extra)


def problem_response(status: int, detail: str, *, headers: tuple[Header, ...] = (), **extra: Any) -> HttpResponse:
    """Return a response with a problem document; `extra` are further members of it."""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    body = msgspec.json.encode({"type": "about:blank", "title": title, "status": status, "detail": detail, **extra})
    lines = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body)), *headers]
    return HttpResponse(status, lines, body)


def retry_after(seconds: float) -> tuple[Header, ...]:
    """Return the `Retry-After` header, in whole seconds, at least 1."""
    return ((b"retry-after", b"%d" % max(1, round(seconds))),)

"""A response with headers, content type and status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..common.text import show_value


class Response:
    """A body with headers, content type and status. A handler returns it when the body alone does not say enough.

    `body` may be anything that a handler may return; `content_type` is taken from the body when it is not given.
    """

    __slots__ = ("body", "content_type", "headers", "status_code")

    def __init__(
        self,
        body: Any = None,
        headers: Mapping[str, Any] | None = None,
        content_type: str | None = None,
        status_code: int = 200,
    ) -> None:
        self.body = body
        self.headers = dict(headers or {})
        self.content_type = content_type
        self.status_code = status_code

    def __repr__(self) -> str:
        return f"Response(status_code={self.status_code}, content_type={show_value(self.content_type)})"

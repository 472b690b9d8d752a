"""One call as an event: body, headers, method, path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any, NamedTuple

from .header_lines import join_lines


class Headers(Mapping[str, str]):
    """Headers by name, whatever the case: `headers["content-type"]`, `headers["Content-Type"]`."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        self._values = {name.decode("latin-1"): value.decode("latin-1") for name, value in join_lines(pairs).items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({', '.join(self._values)})"  # names only: values may be secrets


class EventRequest(NamedTuple):
    """The request that brought an event. `request_id` returns its id, which is made on demand."""

    content_type: str = ""
    method: str = ""
    path: str = ""
    query: str = ""
    headers: Sequence[tuple[bytes, bytes]] = ()
    request_id: Callable[[], str] = str
    trigger: str = "http"


class Event:
    """What a handler with a parameter `event` receives.

    `body` is parsed when the media type is JSON, else bytes; `fields` are the query's; `size` is in bytes;
    `timestamp` is when the call arrived, in UTC. A test makes one by `Event({"a": 1}, method="POST")`, with any
    field of `EventRequest` by name.
    """

    def __init__(
        self,
        body: Any,
        raw: bytes = b"",
        request: EventRequest = EventRequest(),  # noqa: B008  # a tuple is immutable
        **fields: Any,
    ) -> None:
        if fields:
            request = EventRequest(**{**request._asdict(), **fields})
        self.body = body
        self.raw = raw
        self.content_type = request.content_type
        self.method = request.method
        self.path = request.path
        self.url = f"{request.path}?{request.query}" if request.query else request.path
        self.trigger = SimpleNamespace(kind=request.trigger, name=request.trigger)
        self._query = request.query
        self._pairs = request.headers
        self._headers: Headers | None = None
        self._id = request.request_id
        self._timestamp = datetime.now(timezone.utc)

    @property
    def headers(self) -> Headers:
        """The headers by name; case does not matter."""
        if self._headers is None:
            self._headers = Headers(self._pairs)
        return self._headers

    def get_header(self, name: str, default: str | None = None) -> str | None:
        """Return the value of one header, or `default`. Case does not matter."""
        return self.headers.get(name, default)

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the query. Of a repeated field, the last value counts."""
        from urllib.parse import parse_qsl

        return dict(parse_qsl(self._query, keep_blank_values=True))

    @property
    def size(self) -> int:
        """The size of the body in bytes."""
        return len(self.raw)

    @property
    def timestamp(self) -> datetime:
        """The time at which the call arrived, in UTC."""
        return self._timestamp

    @property
    def id(self) -> str:
        """The id of the request."""
        return self._id()

    def __repr__(self) -> str:
        return f"Event({self.method} {self.path}, {self.size} bytes)"

"""The event that a function written for nuclio receives. Its attributes can be set."""

from __future__ import annotations

import base64
import functools
import json
import time
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from ..function.binder import MalformedPayloadError
from ..serve.call import HttpCall
from ..serve.problem_details import HttpProblem
from ..serve.request.content_type import parse_body

_SHORT = 64  # characters of a name whose form is kept
_EPOCH = datetime(1970, 1, 1)  # without a zone, in UTC


class Headers(dict[str, str]):
    """Headers under their canonical names, such as `Content-Type`. A lookup ignores the case."""

    def __missing__(self, name: str) -> str:
        key = canonicalize_header(name)
        if key not in self.keys():
            raise KeyError(name)
        return self[key]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and super().__contains__(canonicalize_header(name)))

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a header, or `default`."""
        return super().get(name, super().get(canonicalize_header(name), default))


def canonicalize_header(name: str) -> str:
    """Return a header's name in its canonical form: `Content-Type` for `content-type`."""
    return _canonicalize_short(name) if len(name) <= _SHORT else _canonicalize(name)


def _canonicalize(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


_canonicalize_short = functools.lru_cache(maxsize=256)(_canonicalize)


class Event:
    """One event. `body` is parsed when its media type and its text are JSON, else bytes; `fields` are the query's.

    `timestamp` is in UTC, without a zone; `shard_id`, `offset` and the like mean that the event is of no stream.
    """

    def __init__(
        self,
        body: Any = None,
        content_type: str = "",
        trigger: Any = None,
        fields: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        _id: str = "",
        method: str = "",
        path: str = "/",
        size: int = 0,
        timestamp: Any = 0,
        url: str = "",
        shard_id: int = -1,
        num_shards: int = 0,
        _type: str = "",
        type_version: str = "",
        version: str = "",
        last_in_batch: bool = False,
        offset: int = 0,
        topic: str | None = None,
    ) -> None:
        self.body = body
        self.content_type = content_type
        self.trigger = trigger or SimpleNamespace(kind="", name="")
        self.fields = fields or {}
        self.headers = Headers({canonicalize_header(name): text for name, text in (headers or {}).items()})
        self.id = _id
        self.method = method
        self.path = path
        self.size = size
        self.timestamp = timestamp
        self.url = url
        self.shard_id = shard_id
        self.num_shards = num_shards
        self.type = _type
        self.type_version = type_version
        self.version = version
        self.last_in_batch = last_in_batch
        self.offset = offset
        self.topic = topic

    def get_header(self, name: str, default: str | None = None) -> str | None:
        """Return the value of one header, or `default`. Case does not matter."""
        value: str | None = self.headers.get(name, default)
        return value

    def to_json(self) -> str:
        """Return all attributes as JSON; a body of bytes becomes base64."""
        fields = {**vars(self), "trigger": {"kind": self.trigger.kind, "name": self.trigger.name}}
        if isinstance(self.body, bytes):
            fields["body"] = base64.b64encode(self.body).decode()
        return json.dumps(fields, default=str)

    def __repr__(self) -> str:
        return f"Event({self.method} {self.path}, {self.size} bytes)"  # a header may be a secret


def make_call_event(call: HttpCall, body: bytes, trigger: str) -> Event:
    """Return the event of an HTTP call. A body that should be JSON and cannot be parsed is left as bytes."""
    scope = call.scope
    query = scope["query_string"].decode("latin-1")
    headers = {str(name, "latin-1"): str(value, "latin-1") for name, value in call.headers.items()}
    try:
        content = parse_body(call, body)
    except (MalformedPayloadError, HttpProblem):
        content = body
    return Event(
        content,
        content_type=call.header(b"content-type"),
        trigger=SimpleNamespace(kind="http", name=trigger),
        fields=_parse_query(query) if query else None,
        headers=headers,
        _id=call.request_id,
        method=scope["method"],
        path=scope["path"],
        size=len(body),
        timestamp=utc_now(),
        url=f"{scope['path']}?{query}" if query else scope["path"],
    )


def _parse_query(query: str) -> dict[str, Any]:
    from urllib.parse import parse_qsl

    return dict(parse_qsl(query, keep_blank_values=True))


def make_job_event(body: bytes, trigger: str, identity: str) -> Event:
    """Return the event of a job."""
    return Event(
        body,
        trigger=SimpleNamespace(kind="job", name=trigger),
        _id=identity,
        path="",
        size=len(body),
        timestamp=utc_now(),
        shard_id=0,
        _type="job",
    )


def utc_now() -> datetime:
    """Return the time in UTC without a zone, as user code compares it with `datetime.utcnow()`."""
    return _EPOCH + timedelta(0, time.time())

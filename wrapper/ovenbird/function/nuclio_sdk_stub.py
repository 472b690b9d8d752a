"""A stub of `nuclio_sdk` for user code, where the real package is absent: in a service, a run, a check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..common.text import show_value
from .context import Context, Logger
from .event import Event
from .response import Response as OwnResponse

_ABSENT = (
    "EventDeserializerKinds", "ExceptionWithResponse", "GENERATOR_RESPONSE", "Platform", "QualifiedOffset",
    "RESPONSE_WITH_GENERATOR_BODY", "SINGLE_RESPONSE", "TriggerInfo",
)  # fmt: skip


class Response(OwnResponse):
    """A response. By position, body and headers may come in either order: nuclio has headers first."""

    __slots__ = ("event_id",)

    def __init__(
        self,
        body: Any = None,
        headers: Any = None,
        content_type: str | None = None,
        status_code: int = 200,
        event_id: str | None = None,
    ) -> None:
        if headers is not None and not isinstance(headers, Mapping) and (body is None or isinstance(body, Mapping)):
            body, headers = headers, body
        super().__init__(body, headers, content_type, status_code)
        self.event_id = event_id


def raise_absent(name: str) -> Any:
    """Raise ImportError for a name that only the real package has, and AttributeError for an unknown name."""
    if name in _ABSENT:
        raise ImportError(
            f"nuclio_sdk.{name} is not there: Ovenbird has a part of that package; `pip install nuclio-sdk` brings all"
        )
    raise AttributeError(f"module 'nuclio_sdk' has no attribute {show_value(name)}")


def make_content() -> dict[str, Any]:
    """Return the names in the module and their values."""
    return {"Context": Context, "Event": Event, "Logger": Logger, "Response": Response, "__getattr__": raise_absent}

"""CloudEvents 1.0: read one from its JSON form or from attributes, write it as JSON."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from ..common.text import show_value
from .hints import is_class

REQUIRED = ("id", "source", "type", "specversion")


class CloudEvent(Mapping[str, Any]):
    """A CloudEvent: attributes by name (`event["type"]`, `event.type`), and `data`.

    `data` is parsed JSON when `datacontenttype` says JSON or nothing, bytes when it was binary, else text or bytes.
    """

    __slots__ = ("attributes", "data")

    def __init__(self, attributes: Mapping[str, Any], data: Any = None) -> None:
        self.attributes = dict(attributes)
        self.attributes.setdefault("specversion", "1.0")
        self.data = data
        missing = [name for name in REQUIRED if not self.attributes.get(name)]
        if missing:
            raise ValueError("a CloudEvent needs " + ", ".join(missing))
        if not str(self.attributes["specversion"]).startswith("1."):
            raise ValueError(
                f"CloudEvents 1.x is understood, found specversion {show_value(self.attributes['specversion'])}"
            )

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.attributes)

    def __len__(self) -> int:
        return len(self.attributes)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self.attributes[name]
        except KeyError:
            if name in ("subject", "time", "datacontenttype", "dataschema"):
                return None  # attributes that the specification makes optional
            raise AttributeError(f"the CloudEvent has no attribute {show_value(name)}") from None

    def __repr__(self) -> str:
        return f"CloudEvent(type={show_value(self.attributes['type'])}, id={show_value(self.attributes['id'])})"


def from_json(document: Any) -> CloudEvent:
    """A CloudEvent from its structured JSON form. Errors: ValueError that says what is wrong."""
    if not isinstance(document, dict):
        raise ValueError("a CloudEvent is a JSON object")
    attributes = {
        key: value for key, value in document.items() if key not in ("data", "data_base64") and value is not None
    }
    data = document.get("data")
    if document.get("data_base64") is not None:
        try:
            data = base64.b64decode(document["data_base64"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise ValueError("data_base64 is not base64") from None
    return CloudEvent(attributes, data)


def to_json(event: CloudEvent) -> dict[str, Any]:
    """The structured JSON form of a CloudEvent."""
    if isinstance(event.data, (bytes, bytearray)):
        return {**event.attributes, "data_base64": base64.b64encode(event.data).decode()}
    return dict(event.attributes) if event.data is None else {**event.attributes, "data": event.data}


def is_hint(hint: Any) -> bool:
    """Whether a hint is a CloudEvent: ours, or the class of that name from the user's `cloudevents` package."""
    return is_class(hint) and (
        issubclass(hint, CloudEvent)
        or (hint.__name__ == "CloudEvent" and hint.__module__.split(".")[0] == "cloudevents")
    )


def as_hinted(event: CloudEvent, hint: Any) -> Any:
    """The event as an object of the hinted class."""
    if issubclass(hint, CloudEvent):
        return event
    return hint(event.attributes, event.data)  # both generations of `cloudevents` take (attributes, data)

"""CloudEvents 1.0: read one from its JSON form or from attributes, write it as JSON."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..common.text import LIMIT, cut_text, show_value
from .convert import parse_json, whole_numbers
from .validation_errors import MalformedPayloadError

# as text: most processes use none of these, and `re` keeps what it has compiled
_NAME = r"[a-z0-9]+"
_VERSION = r"1\.[0-9]+"
_TIME = r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:)([0-9]{2})(?:\.([0-9]+))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
_ABSOLUTE = r"[A-Za-z][A-Za-z0-9+.-]*:"
_FORBIDDEN = "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
_TEXTS = ("id", "source", "type", "specversion", "subject", "time", "datacontenttype", "dataschema")
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
                return None  # an optional attribute of the specification
            raise AttributeError(f"the CloudEvent has no attribute {show_value(name)}") from None

    def __repr__(self) -> str:
        return f"CloudEvent(type={show_value(self.attributes['type'])}, id={show_value(self.attributes['id'])})"


@dataclass(frozen=True)
class MalformedEvent:
    """A document of a batch that is not a CloudEvent, and why; with its `id` and `source` where these could be read."""

    id: str | None
    source: str | None
    reason: str


def from_json(document: Any) -> CloudEvent:
    """Return the CloudEvent of a structured JSON document, read as strictly as the specification is written.

    Errors: ValueError that says what is wrong.
    """
    if not isinstance(document, dict):
        raise ValueError("a CloudEvent is a JSON object")
    attributes = {
        key: whole_numbers(value)  # `5.0` is an integer in JSON
        for key, value in document.items()
        if key not in ("data", "data_base64") and value is not None
    }
    check_attributes(attributes)
    data, encoded = document.get("data"), document.get("data_base64")
    if encoded is None:
        return CloudEvent(attributes, data)
    if data is not None:
        raise ValueError("`data` and `data_base64` exclude each other")
    return CloudEvent(attributes, _decode_data(encoded, attributes.get("datacontenttype", "")))


def from_batch(documents: Any) -> list[CloudEvent | MalformedEvent]:
    """Return the events of a batch, with an entry for each malformed one. Errors: ValueError."""
    if not isinstance(documents, list):
        raise ValueError("a batch of CloudEvents is a JSON array")
    return [_read_member(document) for document in documents]


def check_attributes(attributes: Mapping[str, Any]) -> None:
    """Raise ValueError unless these are the attributes of a CloudEvent 1.x: names, types, formats, none missing."""
    missing = [name for name in REQUIRED if attributes.get(name) in (None, "")]
    if missing:
        raise ValueError("a CloudEvent needs " + ", ".join(missing))
    for name, value in attributes.items():
        if not re.fullmatch(_NAME, name) or name == "data":
            raise ValueError(f"{show_value(name)} is not an attribute: a name consists of a to z and 0 to 9")
        _check_value(name, value)
    if not re.fullmatch(_VERSION, attributes["specversion"]):
        raise ValueError(f"CloudEvents 1.x is understood, found specversion {show_value(attributes['specversion'])}")


def event_time(text: str) -> datetime | None:
    """Return the moment that an RFC 3339 time stamp gives, with its zone; None for any other text."""
    match = re.fullmatch(_TIME, text)
    if not match:
        return None
    date, seconds, fraction, zone = match.groups()
    zone = "+00:00" if zone in "zZ" else zone
    second = min(int(seconds), 59)  # a leap second, which Python does not know, is the one before
    try:
        return datetime.fromisoformat(f"{date.upper()}{second:02d}.{(fraction or '0')[:6]:0<6}{zone}")
    except ValueError:
        return None


def _read_member(document: Any) -> CloudEvent | MalformedEvent:
    try:
        return from_json(document)
    except (ValueError, MalformedPayloadError) as error:
        members = document if isinstance(document, dict) else {}
        identity, source = (value if isinstance(value := members.get(name), str) else None for name in ("id", "source"))
        return MalformedEvent(identity, source, str(error))


def _check_value(name: str, value: Any) -> None:
    """Raise ValueError for a value that an attribute of this name cannot have."""
    if name not in _TEXTS:
        if isinstance(value, bool) or (isinstance(value, int) and -(2**31) <= value < 2**31):
            return
        if not isinstance(value, str):
            raise ValueError(
                f"the attribute {show_value(name)} is text, a boolean or a whole number, found {show_value(value)}"
            )
    elif not isinstance(value, str) or not value:
        raise ValueError(f"the attribute {show_value(name)} is a text that is not empty, found {show_value(value)}")
    if re.search(_FORBIDDEN, value):
        raise ValueError(f"the attribute {show_value(name)} holds a character that no text may hold")
    if name in ("source", "dataschema") and " " in value:
        raise ValueError(f"the attribute {show_value(name)} is a URI, found {show_value(value)}")
    if name == "dataschema" and not re.match(_ABSOLUTE, value):
        raise ValueError(f"the attribute 'dataschema' is an absolute URI, found {show_value(value)}")
    if name == "time" and event_time(value) is None:
        raise ValueError(f"the attribute 'time' is an RFC 3339 time stamp, found {show_value(value)}")


def _decode_data(encoded: Any, media: str) -> Any:
    """Return the bytes of `data_base64`, or their parsed value where the event declares them as JSON."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ValueError("data_base64 is not base64") from None
    return parse_json(data) if is_json(media) else data


def to_json(event: Any) -> dict[str, Any]:
    """Return the structured JSON form of a CloudEvent, ours or one of the `cloudevents` package."""
    attributes = event.attributes if isinstance(event, CloudEvent) else event.get_attributes()
    data = event.data if hasattr(event, "data") else event.get_data()
    document = {name: value for name, value in attributes.items() if value is not None}
    if isinstance(data, (bytes, bytearray)):
        return {**document, "data_base64": base64.b64encode(data).decode()}
    return document if data is None else {**document, "data": data}


def as_hinted(event: CloudEvent, hint: Any) -> Any:
    """Return the event as an object of the hinted class. Errors: ValueError with that class's reason."""
    if hint is CloudEvent:
        return event
    attributes = dict(event.attributes)
    if hasattr(hint, "get_time") and isinstance(attributes.get("time"), str):  # `cloudevents` 2.x wants a datetime
        attributes["time"] = event_time(attributes["time"])
    try:
        return hint(attributes, event.data)  # both generations of `cloudevents` take (attributes, data)
    except Exception as error:  # their errors have no common class
        raise ValueError(f"{hint.__module__}.{hint.__qualname__} refuses it: {cut_text(str(error), LIMIT)}") from error


def is_json(media: str) -> bool:
    """Return whether a media type is JSON: `application/json`, `text/json` or one that ends in `+json`."""
    name = media.partition(";")[0].strip().lower()
    return name in ("application/json", "text/json") or name.endswith("+json")

"""A receiver of OpenLineage events: a real HTTP server that holds each event to the published schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from tests.stores import Server, send_reply

_SCHEMAS = Path(__file__).parent / "schemas"
_FORMATS = ("date-time", "uri", "uuid")


class EventReceiver(Server):
    """Takes events, each of which has to be valid."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = lambda request: send_reply(request, b"", 201)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the valid events so far."""
        events = [json.loads(body) for body in self.bodies]
        for event in events:
            check_event(event)
        return events


def check_event(event: dict[str, Any]) -> None:
    """Check an event and each of its facets by the schema that it names."""
    schemas = [json.loads(path.read_text()) for path in _SCHEMAS.rglob("*.json")]
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    formats = FormatChecker(_FORMATS)
    assert set(formats.checkers) >= set(_FORMATS)  # a format without a checker would pass
    for url, document in ((event["schemaURL"], event), *list_facets(event)):
        Draft202012Validator({"$ref": url}, registry=registry, format_checker=formats).validate(document)


def list_facets(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each facet in an event with the URL of its schema."""
    values = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    if isinstance(document, dict) and "_schemaURL" in document:
        yield document["_schemaURL"], document
    for value in values:
        yield from list_facets(value)

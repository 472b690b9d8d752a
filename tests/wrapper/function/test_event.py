"""One call as an event."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ovenbird.function.event import Event, EventRequest

PAIRS = [(b"Content-Type", b"text/plain"), (b"x-a", b"1"), (b"X-A", b"2")]


def test_an_event_tells_all_of_its_call() -> None:
    """Body, headers, query, method, path, size and time, under the platform's names."""
    event = Event(
        {"a": 1}, b'{"a":1}',
        EventRequest("application/json", "POST", "/p", "a=1&b=&a=2", PAIRS, lambda: "id"),
    )  # fmt: skip
    assert (event.body, event.raw, event.size, event.content_type) == ({"a": 1}, b'{"a":1}', 7, "application/json")
    assert (event.method, event.path, event.url, event.id) == ("POST", "/p", "/p?a=1&b=&a=2", "id")
    assert event.fields == {"a": "2", "b": ""}
    assert event.trigger.kind == "http"
    assert abs((datetime.now(timezone.utc) - event.timestamp).total_seconds()) < 60
    assert repr(event) == "Event(POST /p, 7 bytes)"


def test_headers_are_found_whatever_their_case() -> None:
    """Names do not depend on case; repeated headers are joined; values stay out of the repr."""
    event = Event(b"", request=EventRequest(headers=PAIRS))
    assert event.get_header("CONTENT-type") == event.headers["content-TYPE"] == "text/plain"
    assert event.headers["x-a"] == "1, 2"
    assert (event.get_header("no"), event.get_header("no", "d")) == (None, "d")
    assert ("X-a" in event.headers, len(event.headers), list(event.headers)) == (True, 2, ["content-type", "x-a"])
    assert repr(event.headers) == "Headers(content-type, x-a)"


def test_an_event_without_a_query_has_a_plain_url() -> None:
    """No question mark without a query."""
    event = Event(b"", request=EventRequest(path="/p"))
    assert (event.url, event.fields, event.size) == ("/p", {}, 0)


def test_a_test_of_a_handler_names_the_fields_of_a_request() -> None:
    """The event itself accepts the fields of a request; an unknown name is a TypeError."""
    event = Event({"a": 1}, method="POST", path="/p", query="b=2", headers=PAIRS)
    assert (event.method, event.url, event.fields) == ("POST", "/p?b=2", {"b": "2"})
    assert dict(event.headers) == dict(Event({}, request=EventRequest(headers=PAIRS)).headers)
    with pytest.raises(TypeError, match="verb"):
        Event({}, verb="POST")

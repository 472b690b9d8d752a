"""The event as functions written for nuclio know it."""

from __future__ import annotations

import json
from datetime import datetime
from types import SimpleNamespace

import pytest

from ovenbird.processor.event import Event, Headers, canonicalize_header, make_job_event, utc_now


def test_headers_are_a_dict_with_names_of_any_case() -> None:
    """In JSON and in loops headers have their canonical names."""
    headers = Event(headers={"content-type": "a", "x-REQUEST-id": "1"}).headers
    assert json.loads(json.dumps(headers)) == {"Content-Type": "a", "X-Request-Id": "1"}
    assert headers["CONTENT-TYPE"] == headers["Content-Type"] == headers.get("content-type") == "a"
    assert "x-request-id" in headers
    assert headers.get("none") is None
    assert headers.get("none", "d") == "d"
    with pytest.raises(KeyError, match="none"):
        headers["none"]
    headers["x-mine"] = "2"
    assert headers["x-mine"] == headers.get("x-mine") == "2"


def test_names_become_canonical() -> None:
    """Each part of a name begins with a capital."""
    assert [canonicalize_header(name) for name in ("etag", "WWW-authenticate", "")] == ["Etag", "Www-Authenticate", ""]


def test_attributes_may_be_set() -> None:
    """A function may change the event that it hands on."""
    event = Event(b"x", fields={"a": "1"})
    event.body, event.timestamp, event.id, event.size = {"b": 1}, 0, "7", 3
    event.fields["c"] = "2"
    assert (event.body, event.fields) == ({"b": 1}, {"a": "1", "c": "2"})


def test_an_event_of_no_stream() -> None:
    """The fields of streams have neutral values."""
    event = Event()
    assert (event.shard_id, event.num_shards, event.offset, event.topic, event.last_in_batch) == (-1, 0, 0, None, False)
    assert (event.type, event.type_version, event.version, event.path) == ("", "", "", "/")
    assert (event.trigger.kind, event.trigger.name) == ("", "")
    assert isinstance(event.headers, Headers)


def test_the_event_of_a_job() -> None:
    """Bytes without a content type, from a trigger of kind job."""
    event = make_job_event(b'{"a": 1}', "mine", "run-1")
    assert (event.body, event.content_type, event.size, event.id) == (b'{"a": 1}', "", 8, "run-1")
    assert (event.trigger.kind, event.trigger.name, event.type) == ("job", "mine", "job")
    assert (event.method, event.path, event.headers, event.fields) == ("", "", {}, {})
    assert 0 <= (utc_now() - event.timestamp).total_seconds() < 60


def test_to_json() -> None:
    """All of it, bytes in base64."""
    event = Event(
        b"\xff", trigger=SimpleNamespace(kind="http", name="t"), headers={"a": "b"}, timestamp=datetime(2020, 1, 2)
    )
    result = json.loads(event.to_json())
    assert result["body"] == "/w=="
    assert result["trigger"] == {"kind": "http", "name": "t"}
    assert result["headers"] == {"A": "b"}
    assert result["timestamp"] == "2020-01-02 00:00:00"
    assert json.loads(Event({"a": 1}).to_json())["body"] == {"a": 1}


def test_the_repr_of_an_event_holds_no_header() -> None:
    """The repr may end in a log."""
    event = Event(b"abc", method="POST", path="/x", size=3, headers={"authorization": "secret"})
    assert repr(event) == "Event(POST /x, 3 bytes)"
    assert event.get_header("AUTHORIZATION") == "secret"
    assert event.get_header("none") is None

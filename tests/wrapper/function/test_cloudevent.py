"""CloudEvents: read, written, handed over."""

from typing import Any

import cloudevents.http
import pytest

from ovenbird.function.cloudevent import CloudEvent, as_hinted, from_json, to_json
from ovenbird.function.injected import CLOUDEVENT, SERVICE, injection_kind

WHOLE = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": "x", "data": {"a": 1}}


def test_attributes_are_read_by_name_and_by_key() -> None:
    """An event is a mapping of its attributes and `data`; absent optional attributes are None."""
    event = from_json(WHOLE)
    assert (event["type"], event.type, event.subject, event.data) == ("t", "t", "x", {"a": 1})
    assert (event.time, dict(event)["id"], len(event)) == (None, "1", 5)
    assert repr(event) == "CloudEvent(type='t', id='1')"
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = event.colour
    assert not hasattr(event, "__deepcopy__")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "is a JSON object"),
        ({"id": "1", "type": "t"}, "a CloudEvent needs source"),
        ({**WHOLE, "id": ""}, "a CloudEvent needs id"),
        ({**WHOLE, "id": None}, "a CloudEvent needs id"),
        ({**WHOLE, "specversion": "0.3"}, "found specversion '0.3'"),
        ({**WHOLE, "data": None, "data_base64": "?"}, "data_base64 is not base64"),
        ({**WHOLE, "data": None, "data_base64": 5}, "data_base64 is not base64"),
    ],
)
def test_what_is_no_event_says_why(document: Any, words: str) -> None:
    """The required attributes and the version are checked."""
    with pytest.raises(ValueError, match=words):
        from_json(document)


def test_binary_data_survives_json() -> None:
    """Bytes are written as data_base64 and read back."""
    event = CloudEvent({"id": "1", "source": "/s", "type": "t"}, b"\xff")
    assert to_json(event)["data_base64"] == "/w=="
    assert from_json(to_json(event)).data == b"\xff"
    assert to_json(from_json(WHOLE)) == WHOLE
    assert "data" not in to_json(CloudEvent({"id": "1", "source": "/s", "type": "t"}))


def test_the_users_own_class_is_handed_over() -> None:
    """A hint of the `cloudevents` package receives an object of that class."""
    kind = cloudevents.http.CloudEvent
    event = as_hinted(from_json(WHOLE), kind)
    assert isinstance(event, kind)
    assert (event["type"], event.data) == ("t", {"a": 1})
    assert isinstance(as_hinted(from_json(WHOLE), CloudEvent), CloudEvent)


def test_hints_are_recognised_by_class() -> None:
    """Ours, one derived from it, and the package's; nothing else of that name."""
    own, packages = type("Mine", (CloudEvent,), {}), cloudevents.http.CloudEvent
    assert {injection_kind("x", hint, SERVICE) for hint in (CloudEvent, own, packages)} == {CLOUDEVENT}
    assert {injection_kind("x", hint, SERVICE) for hint in (type("CloudEvent", (), {}), "CloudEvent")} == {""}

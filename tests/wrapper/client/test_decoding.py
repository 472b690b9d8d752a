"""Bodies and chunks become values."""

from __future__ import annotations

from typing import Any

import pytest

from ovenbird.client.decoding import ServerEvent, decode_body, make_item_decoder
from ovenbird.client.errors import AnswerDecodeError
from ovenbird.serve.response.streams import encode_chunk


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        (b'{"a": 1}', "application/json", {"a": 1}),
        (b'{"a": 1}', "application/hal+json; charset=utf-8", {"a": 1}),
        (b"1\n\n[2]", "application/x-ndjson", [1, [2]]),
        (b"", "application/x-ndjson", []),
        (b"", "", None),
        (b"", "text/plain", ""),
        (b"", "image/png", b""),
        (b"\xfc", "text/plain; charset=latin-1", "ü"),
        (b"\xfc", "text/plain; charset=no-such", "\ufffd"),
        (b"a,b", "text/csv", "a,b"),
        (b"\x89PNG", "image/png", b"\x89PNG"),
        (b"data: 1\n\n", "text/event-stream", [ServerEvent("1")]),
        (b'"\\ud800"', "application/json", "\ud800"),
        (b"1e999", "application/json", float("inf")),
    ],
)
def test_values_by_media_type(body: bytes, kind: str, value: Any) -> None:
    """JSON, lines of it, events, text in its charset, else bytes."""
    assert decode_body(body, kind) == value


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("body", "kind", "items"),
    [
        (b'{"a": 1}\n\n[2]\n"x"', "application/x-ndjson", [{"a": 1}, [2], "x"]),
        ("data: ü\r\ndata: y\r\n\r\nid: 7\revent: e\rdata:z\r\r: c\n\ndata: cut".encode(), "text/event-stream",
         [ServerEvent("ü\ny"), ServerEvent("z", "e", "7")]),
        (b"\xef\xbb\xbfdata: 1\r\n\r\n", "text/event-stream", [ServerEvent("1")]),
        (b"data: 1\r\r", "text/event-stream", [ServerEvent("1")]),
        (b'{"a": 1}', "application/json", [{"a": 1}]),
    ],
    ids=["lines", "events", "mark", "last", "json"],
)  # fmt: skip
def test_items_however_they_arrive(body: bytes, kind: str, items: list[Any], size: int) -> None:
    """The borders of chunks, in the middle of a character or of a line's end, are of no account."""
    decoder = make_item_decoder(kind)
    decoded = [item for start in range(0, len(body), size) for item in decoder.feed(body[start : start + size])]
    assert [*decoded, *decoder.finish()] == items


@pytest.mark.parametrize("text", ["a", "a\nb", "", "a\n", "\r", "ü\r\n\r\nx", " a"])
def test_events_of_the_server_come_back(text: str) -> None:
    """What the server writes as an event is the same text here, with LF for each line's end."""
    decoder = make_item_decoder("text/event-stream")
    (event,) = [*decoder.feed(encode_chunk(text, True)), *decoder.finish()]
    assert event.data == text.replace("\r\n", "\n").replace("\r", "\n")


def test_text_arrives_in_pieces() -> None:
    """A character that is cut waits for its rest."""
    decoder = make_item_decoder("text/plain; charset=utf-8")
    assert [*decoder.feed(b"a\xc3"), *decoder.feed(b"\xbc"), *decoder.feed(b"\xc3"), *decoder.finish()] == [
        "a", "ü", "\ufffd",
    ]  # fmt: skip


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff", b"<html>"])
def test_what_is_no_json(body: bytes) -> None:
    """The error shows how it begins."""
    with pytest.raises(AnswerDecodeError, match="it begins with"):
        decode_body(body, "application/json")

"""Answers become Python values by their media type: whole, or item by item while they arrive."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from ..common.text import show_value
from .errors import AnswerDecodeError

_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s";]+)', re.IGNORECASE)
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
_EVENTS = "text/event-stream"


class ServerEvent(NamedTuple):
    """A server-sent event."""

    data: str
    event: str = "message"
    id: str = ""

    def json(self) -> Any:
        """Return the data as JSON. Errors: AnswerDecodeError."""
        return parse_json(self.data.encode())


def media_type_of(content_type: str) -> str:
    """Return the media type of a `Content-Type` header, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def parse_json(body: bytes) -> Any:
    """Return a JSON value. Errors: AnswerDecodeError."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        pass  # NaN, numbers beyond a double and lone surrogates, which others write
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AnswerDecodeError(f"the answer is no JSON: {error}; it begins with {_show_start(body)}") from None


def _show_start(body: bytes) -> str:
    return show_value(body[:80].decode("utf-8", "replace"))


def is_json(media_type: str) -> bool:
    """Return whether a media type is JSON, or a format on top of it."""
    return media_type == "application/json" or media_type.endswith("+json")


def decode_text(body: bytes, content_type: str) -> str:
    """Return a body as text, in its charset; UTF-8 without one."""
    return body.decode(_codec_of(content_type), "replace")


def _codec_of(content_type: str) -> str:
    match = _CHARSET.search(content_type)
    try:
        return codecs.lookup(match[1]).name if match else "utf-8"
    except LookupError:
        return "utf-8"


def decode_body(body: bytes, content_type: str) -> Any:
    """Return a whole answer as a value: JSON, text, a list of lines or events, else bytes. None for an empty one.

    Errors: AnswerDecodeError.
    """
    media_type = media_type_of(content_type)
    if not body and not media_type.startswith("text/"):
        return None if is_json(media_type) or not media_type else [] if media_type in _LINES else b""
    if is_json(media_type):
        return parse_json(body)
    if media_type in _LINES or media_type == _EVENTS:
        decoder = make_item_decoder(content_type)
        return [*decoder.feed(body), *decoder.finish()]
    return decode_text(body, content_type) if media_type.startswith("text/") else body


class ItemDecoder:
    """Turns chunks of an answer into items. Without a format of its own, each chunk of bytes is an item."""

    def feed(self, chunk: bytes) -> Iterator[Any]:
        """Yield the items that are complete with this chunk."""
        if chunk:
            yield chunk

    def finish(self) -> Iterator[Any]:
        """Yield what is left at the end."""
        yield from ()


class _TextDecoder(ItemDecoder):
    """Pieces of text, as they arrive."""

    def __init__(self, content_type: str) -> None:
        self._decoder = codecs.getincrementaldecoder(_codec_of(content_type))("replace")

    def feed(self, chunk: bytes) -> Iterator[Any]:
        if text := self._decoder.decode(chunk):
            yield text

    def finish(self) -> Iterator[Any]:
        if text := self._decoder.decode(b"", final=True):
            yield text


class _LineDecoder(ItemDecoder):
    """A JSON value for each line. Empty lines are left out."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Any]:
        self._rest += chunk
        if b"\n" not in chunk:
            return
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        for line in lines:
            if line.strip():
                yield parse_json(bytes(line))

    def finish(self) -> Iterator[Any]:
        if self._rest.strip():
            yield parse_json(bytes(self._rest))


class _WholeDecoder(ItemDecoder):
    """One JSON value, when it is complete."""

    def __init__(self) -> None:
        self._body = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Any]:
        self._body += chunk
        yield from ()

    def finish(self) -> Iterator[Any]:
        if self._body:
            yield parse_json(bytes(self._body))


class _EventDecoder(ItemDecoder):
    """Server-sent events (HTML 9.2.6). An event that has no empty line after it is incomplete, and dropped."""

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._data: list[str] = []
        self._event = self._id = ""

    def feed(self, chunk: bytes) -> Iterator[Any]:
        text = self._rest + self._text.decode(chunk)
        cut = len(text) - 1 if text.endswith("\r") else len(text)  # the LF of a CR LF may be in the next chunk
        *lines, rest = re.split("\r\n|\n|\r", text[:cut])
        self._rest = rest + text[cut:]
        for line in lines:
            if event := self._read_line(line):
                yield event

    def finish(self) -> Iterator[Any]:
        if self._rest == "\r" and (event := self._read_line("")):
            yield event

    def _read_line(self, line: str) -> ServerEvent | None:
        """Return the event that an empty line ends; None for any other line."""
        if not line:
            data, event, self._data, self._event = self._data, self._event, [], ""
            return ServerEvent("\n".join(data), event or "message", self._id) if data else None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None


def make_item_decoder(content_type: str) -> ItemDecoder:
    """Return what decodes the items of an answer."""
    media_type = media_type_of(content_type)
    if media_type in _LINES:
        return _LineDecoder()
    if media_type == _EVENTS:
        return _EventDecoder()
    if is_json(media_type):
        return _WholeDecoder()
    return _TextDecoder(content_type) if media_type.startswith("text/") else ItemDecoder()

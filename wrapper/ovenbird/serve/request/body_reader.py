"""Read the body of a request within its limits, and convert it to the handler's arguments by its media type."""

from __future__ import annotations

import asyncio
import re
from time import perf_counter
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from ...common.text import show_value
from ...function import cloudevent
from ...function.binder import Binder, MalformedPayloadError, PayloadMode, parse_json
from ..call import CallCancelled, HttpCall, Message, StopReason
from ..problem_details import HttpProblem
from .body_limits import BodyLimits
from .body_memory import BodyMemory
from .charsets import ASCII_BASED, codec_of
from .content_type import ContentType, check_charset, media_of, text_of, transcode

_LINGER = 2.0  # seconds for which the rest of a body that is too large is read and discarded
_STEP = 64 * 1024  # bytes of a field that are decoded at once
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(rb"\\(.)")
_FORM = "application/x-www-form-urlencoded"
_MSGPACK = ("application/msgpack", "application/x-msgpack", "application/vnd.msgpack")


class BodyReader:
    """Receives a body within its limits: `limit` in bytes, `seconds` for the complete body.

    `memory` counts the bytes of a body that is read completely.
    """

    __slots__ = ("_call", "_memory", "_receive", "_since", "is_complete", "limit", "seconds", "size")

    def __init__(self, call: HttpCall, limit: int, seconds: float, memory: BodyMemory | None = None) -> None:
        self._call = call
        self._memory = memory
        self._receive = call.receive
        self._since = 0.0
        self.limit = limit
        self.seconds = seconds
        self.size = 0
        self.is_complete = False
        length = call.headers.get(b"content-length")
        if length is not None and length.isdigit():
            if int(length) > limit:
                raise body_too_large_error(limit)
            if memory is not None:
                memory.reserve(call, int(length))
        if call.headers.get(b"content-type", b"")[:10].lower() == b"multipart/":
            check_charset(call)  # the parser of the form decodes its parts by this charset

    async def receive(self) -> Message:
        """Return the next ASGI message. Errors: HttpProblem 408 and 413; CallCancelled if the client disconnected."""
        if self.is_complete:
            return await self._receive()
        try:
            if self.seconds:
                self._since = self._since or perf_counter()
                rest = self.seconds - (perf_counter() - self._since)
                message = await asyncio.wait_for(self._receive(), max(rest, 0.001))
            else:
                message = await self._receive()
        except asyncio.TimeoutError:
            text = f"the body did not arrive within {self.seconds:g} seconds"
            raise self._note_refusal(HttpProblem(408, text, headers=((b"connection", b"close"),))) from None
        if message["type"] != "http.request":
            if self._call.is_answered:  # the application still listens while its background tasks run
                return message
            self._call.reason = StopReason.GONE
            raise CallCancelled
        self.size += len(message["body"])
        self.is_complete = not message.get("more_body")
        if self.size > self.limit:
            raise self._note_refusal(body_too_large_error(self.limit))
        if self._memory is not None:
            self._memory.reserve(self._call, self.size)
        return message

    def _note_refusal(self, error: HttpProblem) -> HttpProblem:
        """Store the error in the call, and return it: an application may turn it into another one."""
        self._call.refusal = error
        return error

    async def read(self) -> bytes:
        """Return the complete body. Errors: as `receive`."""
        parts = [(await self.receive())["body"]]
        while not self.is_complete:
            parts.append((await self.receive())["body"])
        return b"".join(parts)


class WholeBody(BodyReader):
    """A reader for a body that is in memory already."""

    __slots__ = ("_body", "_position")

    def __init__(self, call: HttpCall, limit: int, body: bytes) -> None:
        super().__init__(call, limit, 0.0)
        self._body = body
        self._position = 0
        self.size = len(body)

    async def receive(self) -> Message:
        """Return the next ASGI message. The parts are small, so that a parser does not block the loop for long."""
        start = self._position
        self._position += _STEP
        part = self._body[start : self._position]
        self.is_complete = self._position >= len(self._body)
        await asyncio.sleep(0)
        return {"type": "http.request", "body": part, "more_body": not self.is_complete}


def body_too_large_error(limit: int) -> HttpProblem:
    return HttpProblem(
        413, f"the body is over the limit of {limit} bytes", headers=((b"connection", b"close"),), limit=limit
    )


def is_multipart(call: HttpCall) -> bool:
    """Return whether the body is multipart/form-data."""
    return call.headers.get(b"content-type", b"")[:19].lower() == b"multipart/form-data"


def fields_of(form: Any, call: HttpCall, *, uploads: bool) -> list[tuple[str, Any]]:
    """Return the fields of the query, and the fields and files of a form.

    Errors: HttpProblem 415 for files if no parameter takes one.
    """
    # browsers send a file input without a file as a file without a name
    items = [(name, value) for name, value in form.multi_items() if getattr(value, "filename", None) != ""]
    if not uploads and any(hasattr(value, "filename") for _, value in items):
        raise HttpProblem(415, "the function takes no files")
    return [*pairs_of(call.scope["query_string"]), *items]


async def discard(call: HttpCall) -> None:
    """Discard the rest of the body for a moment, so that a client that still sends gets the answer, not a reset."""
    end = perf_counter() + _LINGER
    while (rest := end - perf_counter()) > 0:
        try:
            message = await asyncio.wait_for(call.receive(), rest)
        except asyncio.TimeoutError:
            return
        if message["type"] != "http.request" or not message.get("more_body"):
            return


def decode_arguments(binder: Binder, call: HttpCall, body: bytes, limits: BodyLimits) -> dict[str, Any]:
    """Return the handler's arguments from a body and the query.

    Errors: HttpProblem 413 and 415; MalformedPayloadError, PayloadValidationError.
    """
    if binder.mode is PayloadMode.NONE:  # the handler sees the body in its event or request, whatever its media type
        return {}
    query: bytes = call.scope["query_string"]
    if query:
        limits.check_query(query)
    if binder.mode is PayloadMode.RAW:
        return {binder.parameters[0].name: body}
    if not body:
        return binder.from_fields(pairs_of(query)) if query else binder.from_nothing()
    media = media_of(call)
    if media.name == _FORM and body.lstrip()[:1] not in (b"{", b"["):
        limits.check_form(body)
        codec = codec_of(media.charset) or ""
        if codec in ASCII_BASED:  # escapes hold bytes of this charset
            return binder.from_fields([*pairs_of(query), *pairs_of(body, codec)])
        return binder.from_fields([*pairs_of(query), *pairs_of(transcode(body, media.charset))])
    # `curl -d '{...}'` calls everything a form; no form begins with a brace, as forms are percent-encoded
    if media.json or media.name in ("", _FORM):
        body = transcode(body, media.charset)
        limits.check_json(body)
        if query and binder.mode is PayloadMode.FIELDS:
            return binder.from_object(parse_json(body), query=pairs_of(query))
        return binder.from_json(body)
    if media.name in _MSGPACK:
        limits.check_msgpack(body)
        return binder.from_object(_decode_msgpack(body))
    return _bind_other(binder, media, body)


def _bind_other(binder: Binder, media: ContentType, body: bytes) -> dict[str, Any]:
    """Return text or bytes for a handler that takes any payload. Errors: HttpProblem 415 for other handlers."""
    if binder.mode is PayloadMode.WHOLE and binder.parameters[0].hint in (Any, object):
        return {binder.parameters[0].name: text_of(body, media.charset) if media.name.startswith("text/") else body}
    raise HttpProblem(
        415,
        f"the media type {show_value(media.name)} is not supported; send application/json",
        accepted=["application/json", _FORM],
    )


def decode_cloudevents(
    call: HttpCall, body: bytes, limits: BodyLimits
) -> tuple[list[cloudevent.CloudEvent | cloudevent.MalformedEvent], bool]:
    """Return the CloudEvents of a request, and whether they came as a batch.

    Errors: MalformedPayloadError; HttpProblem 400, 413, 415.
    """
    media = media_of(call)
    if media.json or media.name.startswith("application/cloudevents") or not media.name:
        body = transcode(body, media.charset)
        limits.check_json(body)
    try:
        if media.name == "application/cloudevents-batch+json":
            return cloudevent.from_batch(parse_json(body)), True
        if media.name == "application/cloudevents+json":
            return [cloudevent.from_json(parse_json(body))], False
        if media.name.startswith("application/cloudevents"):
            raise HttpProblem(415, f"the event format {show_value(media.name)} is not supported; send JSON")
        lines = [(key, value) for key, value in call.scope["headers"] if key.startswith(b"ce-")]
        attributes: dict[str, Any] = {key[3:].decode("latin-1"): _decode_attribute(value) for key, value in lines}
        if len(attributes) < len(lines):  # it is not defined which of them counts
            raise ValueError("a ce- header was sent twice")
        if not attributes:
            raise ValueError("no ce- headers, and the media type is not application/cloudevents+json")
        if media.name:
            attributes["datacontenttype"] = call.header(b"content-type")
        cloudevent.check_attributes(attributes)
        return [cloudevent.CloudEvent(attributes, _parse_event_data(media, body))], False
    except ValueError as error:
        raise HttpProblem(400, f"the request is not a CloudEvent: {error}") from None


def _decode_attribute(value: bytes) -> str:
    """Return the value of a `ce-` header as text, without quotes and percent-encoding (HTTP binding 3.1.3.2).

    Errors: ValueError if the result is not UTF-8.
    """
    if value[:1] == b'"':
        match = _QUOTED.fullmatch(value)
        if not match:
            raise ValueError(f"the header value {show_value(value.decode('latin-1'))} is not a quoted string")
        value = _ESCAPED.sub(rb"\1", match[1])
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        raise ValueError(f"the header value {show_value(value.decode('latin-1'))} is not UTF-8") from None


def _parse_event_data(media: ContentType, body: bytes) -> Any:
    """Return the data of an event in binary mode. Without a media type it is parsed if it is JSON."""
    if not body:
        return None
    if media.json:
        return parse_json(body)
    if not media.name:
        try:
            return parse_json(body)
        except MalformedPayloadError:
            return body
    return text_of(body, media.charset) if media.name.startswith("text/") else body


def pairs_of(text: bytes, codec: str = "utf-8") -> list[tuple[str, Any]]:
    """Return the names and values of a form or query as text. A missing value is empty."""
    pairs = (part.partition(b"=") for part in text.split(b"&") if part)
    return [(_decode_field(name, codec), _decode_field(value, codec)) for name, _, value in pairs]


def _decode_field(text: bytes, codec: str) -> str:
    """Return percent-encoded bytes as text. They are decoded in steps, because each escape takes an object."""
    text = text.replace(b"+", b" ")
    if b"%" not in text:
        return text.decode(codec, "replace")
    parts, start = [], 0
    while start < len(text):
        end = start + _STEP
        while end < len(text) and b"%" in text[end - 2 : end]:  # does not split an escape
            end += 1
        parts.append(unquote_to_bytes(text[start:end]))
        start = end
    return b"".join(parts).decode(codec, "replace")


def _decode_msgpack(body: bytes) -> Any:
    try:
        return msgspec.msgpack.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise HttpProblem(400, "the MessagePack is malformed") from None

"""Interpret the body of a request by its media type: as text, as JSON, or as an event."""

from __future__ import annotations

from typing import Any

from ...common.text import show_value
from ...function.binder import parse_json
from ...function.event import Event, EventRequest
from ..call import HttpCall
from ..problem_details import HttpProblem
from .charsets import codec_of

_CACHE_SIZE = 256  # media types in the cache, each with at most so many bytes


class ContentType:
    """A parsed Content-Type: `name` in lower case, `charset`, and whether it is `json`."""

    __slots__ = ("charset", "json", "name")

    def __init__(self, text: str) -> None:
        name, *parameters = (part.strip() for part in text.split(";"))
        self.name = name.lower()
        self.charset = next(
            (p[8:].strip("\"' ").lower() for p in parameters if p.lower().startswith("charset=")), "utf-8"
        )
        self.json = self.name == "application/json" or self.name.endswith("+json") or self.name == "text/json"


_CACHE: dict[bytes | None, ContentType] = {None: ContentType(""), b"application/json": ContentType("application/json")}


def media_of(call: HttpCall) -> ContentType:
    """Return the media type of a call's body. Common ones are cached."""
    raw = call.headers.get(b"content-type")
    media = _CACHE.get(raw)
    if media is None:
        media = ContentType((raw or b"").decode("latin-1"))
        if len(_CACHE) < _CACHE_SIZE and len(raw or b"") <= _CACHE_SIZE:
            _CACHE[raw] = media
    return media


def parse_body(call: HttpCall, body: bytes) -> Any:
    """Return the body of an event: parsed if the media type is JSON, else bytes. Errors: MalformedPayloadError."""
    media = media_of(call)
    return parse_json(transcode(body, media.charset)) if media.json and body else body


def event_of(call: HttpCall, body: bytes) -> Event:
    """Return the call as an Event. Errors: MalformedPayloadError."""
    scope = call.scope
    return Event(
        parse_body(call, body),
        body,
        EventRequest(
            call.header(b"content-type"), scope["method"], scope["path"], scope["query_string"].decode("latin-1"),
            scope["headers"], lambda: call.request_id,
        ),
    )  # fmt: skip


def text_of(body: bytes, charset: str) -> str:
    """Return a body as text. Errors: HttpProblem 415 for an unsupported charset, 400 for invalid bytes."""
    codec = codec_of(charset)
    if codec is None:
        raise _unknown_charset_error(charset)
    try:
        return body.decode(codec)
    except UnicodeDecodeError:
        raise HttpProblem(400, f"the body is not text in the charset {show_value(charset)}") from None


def transcode(body: bytes, charset: str) -> bytes:
    """Return a body in UTF-8. Errors: as `text_of`."""
    return body if codec_of(charset) == "utf-8" else text_of(body, charset).encode("utf-8", "surrogatepass")


def check_charset(call: HttpCall) -> None:
    """Raise HttpProblem 415 for an unsupported charset, before a library decodes by it."""
    if b"charset" in call.headers.get(b"content-type", b"").lower():
        charset = media_of(call).charset
        if codec_of(charset) is None:
            raise _unknown_charset_error(charset)


def _unknown_charset_error(charset: str) -> HttpProblem:
    return HttpProblem(415, f"the charset {show_value(charset)} is not supported; send utf-8")

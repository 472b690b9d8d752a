"""What a request's body is by its media type: its text, its JSON, the event that holds it."""

from __future__ import annotations

from typing import Any

from ..common.text import show_value
from ..function.bind import parse_json
from ..function.event import Event
from .call import Call
from .problems import ProblemError


class Media:
    """A parsed Content-Type: `name` in lower case, `charset`, and what the runtime does with it."""

    __slots__ = ("charset", "json", "name")

    def __init__(self, text: str) -> None:
        name, *parameters = (part.strip() for part in text.split(";"))
        self.name = name.lower()
        self.charset = next(
            (p[8:].strip("\"' ").lower() for p in parameters if p.lower().startswith("charset=")), "utf-8"
        )
        self.json = self.name == "application/json" or self.name.endswith("+json") or self.name == "text/json"


_KNOWN: dict[bytes | None, Media] = {None: Media(""), b"application/json": Media("application/json")}


def media_of(call: Call) -> Media:
    """The media type of a call's body; the usual ones are parsed once."""
    raw = call.headers.get(b"content-type")
    found = _KNOWN.get(raw)
    if found is None:
        found = Media((raw or b"").decode("latin-1"))
        if len(_KNOWN) < 256:
            _KNOWN[raw] = found
    return found


def parsed(call: Call, body: bytes) -> Any:
    """The body of an event: parsed when the media type is JSON, else bytes. Errors: MalformedError."""
    media = media_of(call)
    return parse_json(transcoded(body, media.charset)) if media.json and body else body


def event_of(call: Call, body: bytes) -> Event:
    """The call as an Event. Errors: MalformedError."""
    scope = call.scope
    return Event(
        parsed(call, body),
        body,
        content_type=call.header(b"content-type"),
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        pairs=scope["headers"],
        request_id=lambda: call.request_id,
    )


def text_of(body: bytes, charset: str) -> str:
    try:
        return body.decode(charset)
    except (LookupError, UnicodeDecodeError):
        raise ProblemError(415, f"the body is not text in the charset {show_value(charset)}") from None


def transcoded(body: bytes, charset: str) -> bytes:
    return body if charset in ("utf-8", "utf8") else text_of(body, charset).encode()

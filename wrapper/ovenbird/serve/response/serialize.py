"""Convert the return value of a handler to an HTTP response: one rule for each type, looked up once per type."""

from __future__ import annotations

import functools
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import PurePath
from types import AsyncGeneratorType, GeneratorType
from typing import Any

import msgspec

from ...common.text import show_value
from ...function import cloudevent
from ...function.response import Response
from . import negotiation
from .json_encode import ResultError, can_encode, class_names, encode
from .model import Headers, HttpResponse

Maker = Callable[[Any, str], HttpResponse]
_BAD_NAME = re.compile(rb"[\x00-\x1f\x7f()<>@,;:\[\]={} \t\\\"]")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_FRAMING = (b"content-length", b"transfer-encoding")
_JSON = (b"content-type", b"application/json")
_SMALL = 1024  # bytes; the headers for smaller lengths are precomputed
_LENGTHS = [(b"content-length", b"%d" % size) for size in range(_SMALL)]


def reply_to(result: Any, accept: str = "") -> HttpResponse:
    """Return the response for a return value; `accept` is the client's `Accept` header. Errors: ResultError."""
    return (_MAKERS.get(type(result)) or _cached_maker(type(result)))(result, accept)


def asgi_response(app: Callable[..., Awaitable[None]], status: int = 0) -> HttpResponse:
    """Return a response that an ASGI callable sends."""
    reply = HttpResponse(status, [])
    reply.app = app
    return reply


def _json_response(result: Any, _: str) -> HttpResponse:
    body = encode(result)
    size = len(body)
    return HttpResponse(200, [_JSON, _LENGTHS[size] if size < _SMALL else (b"content-length", b"%d" % size)], body)


def _empty_response(_: Any, __: str) -> HttpResponse:
    return HttpResponse(204, [])


def _make_response(body: bytes, media: bytes) -> HttpResponse:
    return HttpResponse(200, [(b"content-type", media), (b"content-length", b"%d" % len(body))], body)


def _text_response(result: str, _: str) -> HttpResponse:
    return _make_response(str.encode(result, "utf-8", "surrogateescape"), b"text/plain; charset=utf-8")


def _bytes_response(result: Any, _: str) -> HttpResponse:
    return _make_response(bytes(result), b"application/octet-stream")


def _stream_response(result: Any, accept: str) -> HttpResponse:
    reply = HttpResponse(200, [])
    reply.stream = result
    if "event-stream" in accept.lower() and _wants_events(accept):
        reply.headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
        reply.events = True
    return reply


def _wants_events(accept: str) -> bool:
    """Return whether a client accepts server-sent events by name, and prefers no other form of a stream."""
    from .accept_header import is_named, match_type

    plain = ("application/x-ndjson", "text/plain", "application/octet-stream")
    weight, _ = match_type(accept, "text/event-stream")
    return is_named(accept, "text/event-stream") and weight >= max(match_type(accept, media)[0] for media in plain)


def _tuple_response(result: tuple[Any, ...], accept: str) -> HttpResponse:
    """Return the response for (status, body), (body, status) or (body, status, headers); else a JSON array."""
    if type(result) is not tuple:  # a named tuple is data
        return _json_response(result, accept)
    if len(result) == 2 and _is_status(result[0]):
        return _update_response(reply_to(result[1], accept), result[0])
    if len(result) == 2 and _is_status(result[1]):
        return _update_response(reply_to(result[0], accept), result[1])
    if len(result) == 3 and _is_status(result[1]) and isinstance(result[2], (Mapping, list)):
        return _update_response(reply_to(result[0], accept), result[1], result[2])
    return _json_response(result, accept)


def _response(result: Any, accept: str) -> HttpResponse:
    """Return the response for Ovenbird's Response, or for one of `nuclio_sdk`, which has the same attributes."""
    status = result.status_code
    if not _is_status(status):
        raise ResultError(f"{show_value(status)} is not an HTTP status")
    reply = reply_to(result.body, accept)
    headers = dict(result.headers or {})
    # text/plain is the default of nuclio's Response; a dict is JSON nevertheless
    if result.content_type and not (isinstance(result.body, (dict, list)) and result.content_type == "text/plain"):
        headers.setdefault("content-type", result.content_type)
    return _update_response(reply, status, headers)


def _starlette_response(result: Any, _: str) -> HttpResponse:
    if hasattr(result, "body_iterator") or hasattr(result, "path") or result.background is not None:
        return asgi_response(result, result.status_code)
    reply = HttpResponse(result.status_code, [], bytes(result.body))
    return _update_response(reply, result.status_code, result.raw_headers)


def _path_response(result: Any, _: str) -> HttpResponse:
    from pathlib import Path

    from .file_response import ConditionalFileResponse

    path = Path(result)
    if not path.is_file():
        raise ResultError(f"the handler returned the path {show_value(str(path))}, and there is no file")
    return asgi_response(ConditionalFileResponse(path), 200)


def _pydantic_response(result: Any, _: str) -> HttpResponse:
    return _make_response(result.model_dump_json().encode(), b"application/json")


def _cloudevent_response(result: Any, accept: str) -> HttpResponse:
    """Return a CloudEvent as the response, in binary mode: attributes are headers, the data is the body.

    Data is JSON unless the event says otherwise: `"text"` with its quotes, as every reader of the event expects.
    """
    attributes = dict(result.attributes) if hasattr(result, "attributes") else dict(result.get_attributes())
    data = result.data if hasattr(result, "data") else result.get_data()
    media = attributes.pop("datacontenttype", None)
    if isinstance(data, str):
        is_json = media is None or cloudevent.is_json(str(media))
    else:
        is_json = data is not None and not isinstance(data, (bytes, bytearray, memoryview))
    reply = _json_response(data, accept) if is_json else reply_to(data, accept)
    headers = {f"ce-{key}": _format_attribute(key, value) for key, value in attributes.items() if value is not None}
    return _update_response(reply, 200, {**headers, **({"content-type": media} if media else {})})


def _format_attribute(name: str, value: Any) -> str:
    """Return an attribute of a CloudEvent as a header value: its canonical text (specification, 3.1), then printable
    ASCII as it is and the rest percent-encoded. Errors: ResultError for text that is not Unicode."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, datetime):
        text = value.isoformat().replace("+00:00", "Z")
    else:
        text = b64encode(value).decode() if isinstance(value, (bytes, bytearray)) else str(value)
    try:
        return _percent_encode(text)
    except UnicodeEncodeError:
        raise ResultError(
            f"the attribute {show_value(name)} of the CloudEvent is {show_value(value)}, which is not text"
        ) from None


def _update_response(reply: HttpResponse, status: int, headers: Any = None) -> HttpResponse:
    """Set the status and headers of a reply, and return it. Headers of the handler replace ours, except for those that
    frame the body."""
    pairs = [pair for key, value in _list_headers(headers or ()) for pair in _format_header(key, value)]
    names = {key for key, _ in pairs}
    reply.status = status
    if status in (204, 205, 304):
        bare = HttpResponse(status, [pair for pair in reply.headers if pair[0] not in names])
        bare.headers = [pair for pair in (*bare.headers, *pairs) if pair[0] not in _FRAMING]
        if status == 205:  # it needs a length, unlike the others (RFC 9110 15.3.6)
            bare.headers.append((b"content-length", b"0"))
        return bare
    app: Any = reply.app
    if app is not None:  # a Starlette response: ours for a file, or the user's
        app.status_code = status
        app.raw_headers[:] = [pair for pair in app.raw_headers if pair[0] not in names] + pairs
        return reply
    reply.headers = [pair for pair in reply.headers if pair[0] not in names] + pairs
    if b"content-type" in names:  # the handler chose the media type, and formats its text itself
        reply.events = False
    if reply.stream is None:
        reply.headers = [pair for pair in reply.headers if pair[0] not in _FRAMING]
        reply.headers.append((b"content-length", b"%d" % len(reply.body)))
    return reply


def _list_headers(headers: Any) -> list[tuple[Any, Any]]:
    try:
        return [(key, value) for key, value in (headers.items() if isinstance(headers, Mapping) else headers)]
    except (TypeError, ValueError):
        raise ResultError("headers are a mapping, or a list of (name, value)") from None


def _format_header(key: Any, value: Any) -> Headers:
    """Return a header as pairs, one for each value of a list. Errors: ResultError for a malformed header."""
    if isinstance(value, (list, tuple)):
        return [pair for item in value for pair in _format_header(key, item)]
    try:
        name = key if isinstance(key, bytes) else str(key).encode("ascii")
        text = value if isinstance(value, bytes) else str(value).encode("latin-1")
    except UnicodeEncodeError:
        raise ResultError(f"the header {show_value(key)} cannot be written in latin-1") from None
    if not name or _BAD_NAME.search(name) or _BAD_VALUE.search(text):
        raise ResultError(f"the header {show_value(key)} holds characters that a header may not hold")
    return [(name.lower(), text)]


def _is_status(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 200 <= value <= 599


def _percent_encode(text: str) -> str:
    """Return text as a header value: printable ASCII as it is, the rest percent-encoded."""
    return "".join(
        char if " " < char <= "~" and char not in '%"' else "".join(f"%{b:02X}" for b in char.encode()) for char in text
    )


def _cached_maker(kind: type) -> Maker:
    """Return the rule for a type, and cache it."""
    maker = _find_maker(kind)
    if len(_MAKERS) < 1000:  # bounded, as a program may create types at run time
        _MAKERS[kind] = maker
    return maker


def _find_maker(kind: type) -> Maker:
    names = class_names(kind)
    for base, maker in _RULES:
        if issubclass(kind, base):
            return maker
    for name, maker in _NAMED.items():
        if name in names:
            return maker
    if hasattr(kind, "model_dump_json"):
        return _pydantic_response
    if hasattr(kind, "__anext__"):
        return _stream_response
    if {"body", "status_code", "content_type"} <= set(dir(kind)) or "nuclio_sdk.Response" in names:
        return _response
    if _has_json(kind) or can_encode(kind):
        return _json_response
    return functools.partial(_refuse, kind)


def _has_json(kind: type) -> bool:
    """Return whether msgspec supports the type."""
    try:
        return not isinstance(msgspec.inspect.type_info(kind), msgspec.inspect.CustomType)
    except Exception:  # msgspec inspects hints of the class, which may not resolve
        return False


def _refuse(kind: type, _: Any, __: str) -> HttpResponse:
    raise ResultError(
        f"the handler returned a {kind.__module__}.{kind.__qualname__}, which no rule turns into an answer"
    )


_MAKERS: dict[type, Maker] = {
    dict: _json_response, list: _json_response, int: _json_response, float: _json_response, bool: _json_response,
    str: _text_response, bytes: _bytes_response, type(None): _empty_response,
    tuple: _tuple_response, Response: _response,
}  # fmt: skip
_RULES: list[tuple[type, Maker]] = [
    (GeneratorType, _stream_response), (AsyncGeneratorType, _stream_response), (bytearray, _bytes_response),
    (memoryview, _bytes_response), (str, _text_response), (bytes, _bytes_response), (PurePath, _path_response),
    (Response, _response), (cloudevent.CloudEvent, _cloudevent_response), (tuple, _tuple_response),
    (dict, _json_response), (list, _json_response), (int, _json_response), (float, _json_response),
]  # fmt: skip
_NAMED: dict[str, Maker] = {
    "starlette.Response": _starlette_response,
    "nuclio_sdk.Response": _response,
    "cloudevents.CloudEvent": _cloudevent_response,
    "pandas.DataFrame": negotiation.pandas_response,
    "polars.DataFrame": negotiation.polars_response,
    "matplotlib.Figure": negotiation.figure_response,
    "PIL.Image": negotiation.image_response,
}

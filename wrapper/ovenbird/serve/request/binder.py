"""Bind a request to the keyword arguments of the handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...function import cloudevent
from ...function.binder import Binder, MalformedPayloadError, PayloadMode, PayloadValidationError
from ...function.context import Context
from ...settings import Settings
from ..call import HttpCall, ServerTransport
from ..problem_details import HttpProblem
from . import body_reader
from .body_limits import BodyLimits
from .body_memory import BodyMemory
from .content_encoding import decode
from .content_type import media_of
from .decode_thread import LARGE, decode_aside

_JSON = b"application/json"
Keywords = dict[str, Any]
EventOf = Callable[[HttpCall, bytes], Any]


class RequestBinder:
    """Builds the keyword arguments of one handler. Whatever does not depend on the call is decided once.

    `plain`: all parameters come from the payload.
    `streaming`: the handler reads the body itself, from its Starlette `request`.
    """

    def __init__(
        self, binder: Binder, settings: Settings, context: Context, event_of: EventOf, memory: BodyMemory, *,
        on_loop: bool,
    ) -> None:  # fmt: skip
        self.binder = binder
        self._memory = memory
        self._event_of = event_of
        self.context = context
        self.limit = settings.max_body
        self.limits = BodyLimits.from_settings(settings)
        # bytes; the values of a smaller body need not be counted
        self._at_once = min(self.limit, self.limits.items or self.limit)
        self.seconds = settings.read_timeout
        reserved = set(binder.reserved.values())
        self.plain = not reserved and not binder.event_name
        self._direct = self.plain and binder.mode in (PayloadMode.FIELDS, PayloadMode.WHOLE)
        self._takes_forms = binder.mode is not PayloadMode.RAW and not binder.event_name
        if binder.mode is PayloadMode.NONE and "request" not in reserved:
            self._takes_forms = False  # an event holds the bytes
        self.streaming = (
            on_loop and "request" in reserved and "event" not in reserved and binder.mode is PayloadMode.NONE
        )

    def bind_buffered(self, call: HttpCall, wire: ServerTransport) -> Keywords | list[Keywords] | None:
        """Return the keywords of a call whose body has arrived, as most have; None if it has not."""
        headers = call.headers
        media = headers.get(b"content-type")
        if self.streaming or b"content-encoding" in headers or (media != _JSON and self.takes_form(call)):
            return None
        body = wire.body(call)
        if body is None:
            return None
        if (
            not self._direct or media != _JSON or not body or len(body) > self._at_once
            or call.scope["query_string"]
        ):  # fmt: skip
            return self.bind_body(call, body)
        try:
            return self.binder.from_json(body)
        except (MalformedPayloadError, PayloadValidationError) as error:
            raise translate_error(error) from None

    def bind_body(self, call: HttpCall, body: bytes) -> Keywords | list[Keywords]:
        """Return the keywords for a complete body that is not multipart. Errors: HttpProblem 400, 413, 415, 422."""
        binder = self.binder
        if len(body) > self.limit:
            raise body_reader.body_too_large_error(self.limit)
        try:
            if binder.event_name:
                return self._bind_events(call, body)
            arguments = body_reader.decode_arguments(binder, call, body, self.limits)
            return arguments if self.plain else self._inject(call, arguments, body)
        except (MalformedPayloadError, PayloadValidationError) as error:
            raise translate_error(error) from None

    async def bind(self, call: HttpCall) -> Keywords | list[Keywords]:
        """Receive the body and return the keywords. Errors: HttpProblem 400, 408, 413, 415, 422."""
        try:
            if b"content-encoding" in call.headers:
                return await self._bind_encoded(call)
            if self.streaming:
                return self._inject(call, {}, b"")
            if self.takes_form(call):
                return await self._bind_form(call, body_reader.BodyReader(call, self.limit, self.seconds))
        except (MalformedPayloadError, PayloadValidationError) as error:
            raise translate_error(error) from None
        body = await body_reader.BodyReader(call, self.limit, self.seconds, self._memory).read()
        if len(body) < LARGE:
            return self.bind_body(call, body)
        return await decode_aside(lambda: self.bind_body(call, body))

    def takes_form(self, call: HttpCall) -> bool:
        """Return whether the body is a multipart form whose fields are bound."""
        return self._takes_forms and body_reader.is_multipart(call)

    async def _bind_encoded(self, call: HttpCall) -> Keywords | list[Keywords]:
        """Return the keywords for a compressed body. It is read completely, and decoded in a thread."""
        body = await body_reader.BodyReader(call, self.limit, self.seconds, self._memory).read()
        if body:
            header = call.header(b"content-encoding")
            body = await decode_aside(lambda: decode(body, header, self.limit))
            self._memory.reserve(call, len(body))
        if self.takes_form(call):
            return await self._bind_form(call, body_reader.WholeBody(call, self.limit, body))
        return await decode_aside(lambda: self.bind_body(call, body))

    async def _bind_form(self, call: HttpCall, body: body_reader.BodyReader) -> Keywords:
        """Return the keywords for a multipart form. Files over 1 MiB are on disk until the call has ended."""
        from .multipart import read_multipart  # imports Starlette, so only with the first form

        call.form = await read_multipart(call, body, self.limits, self._memory)
        pairs = body_reader.fields_of(call.form, call, uploads=self.binder.uploads)
        arguments = self.binder.from_fields(pairs) if self.binder.mode is not PayloadMode.NONE else {}
        return self._inject(call, arguments, b"")

    def _bind_events(self, call: HttpCall, body: bytes) -> Keywords | list[Keywords]:
        events, batch = body_reader.decode_cloudevents(call, body, self.limits)
        if batch:
            call.events = events
            return [{} for _ in events]  # each is bound when it is called, so that an invalid one fails alone
        (event,) = events
        assert isinstance(event, cloudevent.CloudEvent)
        return self.bind_event(call, event)

    def bind_event(self, call: HttpCall, event: cloudevent.CloudEvent) -> Keywords:
        """Return the keywords for one CloudEvent: the event itself, and fields of its data.

        Errors: PayloadValidationError; HttpProblem 400 if the hinted class refuses the event.
        """
        binder = self.binder
        data = {} if event.data is None else event.data
        arguments = binder.from_object(data) if binder.mode is not PayloadMode.NONE else {}
        assert binder.event_name
        try:
            arguments[binder.event_name] = cloudevent.as_hinted(event, binder.event_hint)
        except ValueError as error:
            raise HttpProblem(400, f"the CloudEvent does not fit the function: {error}") from None
        return self._inject(call, arguments, b"")

    def _inject(self, call: HttpCall, arguments: Keywords, body: bytes) -> Keywords:
        """Add the reserved parameters to the arguments, and return these."""
        for name, kind in self.binder.reserved.items():
            if kind == "context":
                arguments[name] = self.context
            elif kind == "event":
                if len(body) > self._at_once and media_of(call).json:
                    self.limits.check_json(body)
                arguments[name] = self._event_of(call, body)
            elif kind in ("project", "run"):
                arguments[name] = getattr(self.context, kind)
            else:
                arguments[name] = self._make_request(call, body)
        return arguments

    def _make_request(self, call: HttpCall, body: bytes) -> Any:
        """Return the Starlette request: it streams the body within its limits, or holds the body that was read."""
        from starlette.requests import Request

        if self.streaming and b"content-encoding" not in call.headers:
            return Request(call.scope, body_reader.BodyReader(call, self.limit, self.seconds).receive, call.send)
        request = Request(call.scope, call.receive, call.send)
        request._body = body  # the attribute in which Starlette keeps a body that was read
        if call.form is not None:
            request._form = call.form
        return request


def translate_error(error: MalformedPayloadError | PayloadValidationError) -> HttpProblem:
    """Return the problem for the client: 400 for a malformed payload, 422 with each field that does not fit."""
    if isinstance(error, MalformedPayloadError):
        return HttpProblem(400, error.message)
    errors = [{"field": field, "message": message} for field, message in error.problems]
    return HttpProblem(422, "the payload does not fit the function", errors=errors)

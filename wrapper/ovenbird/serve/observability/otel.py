"""OpenTelemetry, if its SDK is installed: one SERVER span for each call.

It is set up once, after init. Without the SDK, or without an exporter, calls do not pass through this module.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

from ...function.context import current_call
from ...function.header_lines import join_lines
from ...trace_context import TraceContext
from ..app import App
from ..call import Receive, Scope, Send

_EXPORTER = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
_log = logging.getLogger("ovenbird")


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Return whether user code has imported the SDK, or the environment names an exporter. Import nothing."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    return "opentelemetry.sdk.trace" in sys.modules or any(environ.get(name) for name in _EXPORTER)


def trace_calls(asgi: Any, app: App, environ: Mapping[str, str]) -> Any:
    """Return an ASGI callable with a span around each call; `asgi` itself if there is no tracer provider."""
    provider = _find_provider(app.handler.name, environ)
    if provider is None:
        return asgi
    from opentelemetry import trace

    from ... import __version__

    def failed(error: BaseException) -> None:
        span = trace.get_current_span()
        span.record_exception(error)
        span.set_attribute("error.type", type(error).__qualname__)

    app.failures.watch = failed
    return _TracingMiddleware(asgi, provider.get_tracer("ovenbird", __version__), app.handler.name)


class _TracingMiddleware:
    """An ASGI callable that opens a span, makes it the current one, and closes it with the call's status."""

    def __init__(self, asgi: Any, tracer: Any, name: str) -> None:
        from opentelemetry import propagate, trace

        self.asgi = asgi
        self.tracer = tracer
        self.name = name
        self.trace = trace
        self.extract = propagate.extract

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["raw_path"].startswith(b"/_/"):
            await self.asgi(scope, receive, send)
            return
        trace = self.trace
        # several `traceparent` headers are invalid, several `tracestate` headers are joined
        headers = join_lines(scope["headers"])
        if b"," in headers.get(b"traceparent", b""):  # the SDK would read them as one of a later version
            del headers[b"traceparent"]
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        parent = self.extract(carrier)
        span = self.tracer.start_span(
            f"{scope['method']} {self.name}", parent, trace.SpanKind.SERVER, attributes=self._attributes(scope)
        )
        before = trace.get_current_span(parent).get_span_context()
        scope["ovenbird.trace"] = _make_trace_context(span.get_span_context(), before)
        with trace.use_span(span, end_on_exit=True):
            await self.asgi(scope, receive, send)
            self._end(span)

    def _attributes(self, scope: Scope) -> dict[str, Any]:
        attributes: dict[str, Any] = {
            "http.request.method": scope["method"],
            "url.path": scope["path"],
            "url.scheme": scope["scheme"],
            "network.protocol.version": scope["http_version"],
            "faas.name": self.name,
        }
        if scope.get("client"):
            attributes["client.address"] = scope["client"][0]
        return attributes

    def _end(self, span: Any) -> None:
        call: Any = current_call.get()  # set by the application, in this task
        if call is None or not call.status:
            return
        span.set_attribute("http.response.status_code", call.status)
        if call.status >= 500:
            span.set_status(self.trace.Status(self.trace.StatusCode.ERROR))


def _make_trace_context(own: Any, parent: Any) -> TraceContext:
    above = f"{parent.span_id:016x}" if parent.is_valid else ""
    return TraceContext(
        f"{own.trace_id:032x}", f"{own.span_id:016x}", above, f"{int(own.trace_flags):02x}", own.trace_state.to_header()
    )


def _find_provider(name: str, environ: Mapping[str, str]) -> Any:
    """Return the tracer provider of user code, else one by the environment, else None."""
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
    except ImportError:
        _log.warning("OpenTelemetry is asked for in the environment, and its SDK is not installed")
        return None
    current = trace.get_tracer_provider()
    if not isinstance(current, trace.ProxyTracerProvider):
        return current
    exporters = _make_exporters(environ)
    if not exporters:
        return None
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = "OTEL_SERVICE_NAME" in environ or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    provider = TracerProvider(resource=Resource.create({} if named else {"service.name": name}))
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)  # spans of user code are exported too
    return provider


def _make_exporters(environ: Mapping[str, str]) -> list[Any]:
    """Return an exporter for each name in OTEL_TRACES_EXPORTER (`otlp` if only an endpoint is set), by entry point."""
    from importlib.metadata import entry_points

    if not any(environ.get(name) for name in _EXPORTER):
        return []
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or ""
    installed = {entry.name: entry for entry in entry_points(group="opentelemetry_traces_exporter")}
    exporters = []
    for name in (environ.get("OTEL_TRACES_EXPORTER") or "otlp").split(","):
        word = name.strip()
        names = [_PROTOCOLS[protocol]] if protocol in _PROTOCOLS else list(_PROTOCOLS.values())
        entry = next((installed[key] for key in (names if word == "otlp" else [word]) if key in installed), None)
        if entry is not None:
            exporters.append(entry.load()())
        elif word and word != "none":
            _log.warning("no exporter %r for OpenTelemetry is installed: no spans are sent to it", word)
    return exporters

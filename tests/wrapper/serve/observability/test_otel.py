"""Spans of OpenTelemetry, with the real SDK in a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.service import Service

Serve = Callable[..., Service]
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
HANDLER = """
from opentelemetry import trace
{kind} handler(context, do: str = ""):
    if do:
        raise ValueError(do)
    with trace.get_tracer("mine").start_as_current_span("inner"):
        return {{"trace_id": context.trace_id, "span_id": context.span_id}}
"""
OWN = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
def init():
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
def close():
    for span in exporter.get_finished_spans():
        print("SPAN", span.to_json(indent=None), flush=True)
"""


def spans(service: Service) -> list[dict[str, Any]]:
    """The spans that the function printed at its end."""
    return [json.loads(line[5:]) for line in service.log.splitlines() if line.startswith("SPAN ")]


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_call_is_a_span_of_the_users_own_provider(serve: Serve, kind: str) -> None:
    """A SERVER span continues the caller's trace; the handler's own spans, in a thread as well, are its children."""
    service = serve(HANDLER.format(kind=kind) + OWN, "--drain-delay", "0")
    body = service.post("/some/path", json={}, headers=PARENT).json()
    assert service.get("/_/live").status_code == 200
    assert service.stop() == 0
    inner, server = spans(service)
    assert (inner["name"], server["name"]) == ("inner", "POST handler")
    assert server["kind"] == "SpanKind.SERVER"
    assert server["parent_id"] == "0xb7ad6b7169203331"
    assert inner["parent_id"] == server["context"]["span_id"]
    assert server["context"]["trace_id"] == inner["context"]["trace_id"] == f"0x{TRACE}"
    assert body == {"trace_id": TRACE, "span_id": server["context"]["span_id"][2:]}
    attributes = server["attributes"]
    assert attributes["http.request.method"] == "POST"
    assert attributes["url.path"] == "/some/path"
    assert attributes["http.response.status_code"] == 200
    assert attributes["faas.name"] == "handler"
    record = next(record for record in service.records if record.get("status") == 200)
    assert (record["trace_id"], record["span_id"]) == (body["trace_id"], body["span_id"])


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_exception_is_recorded_and_a_client_error_is_not(serve: Serve, kind: str) -> None:
    """A handler that raises leaves its exception and an error status; a 422 is not the server's error."""
    service = serve(HANDLER.format(kind=kind) + OWN, "--drain-delay", "0")
    assert service.call({"do": "broken"}).status_code == 500
    assert service.call({"unknown": 1}).status_code == 422
    assert service.stop() == 0
    failed, refused = spans(service)
    assert failed["attributes"]["http.response.status_code"] == 500
    assert failed["attributes"]["error.type"] == "ValueError"
    assert failed["status"]["status_code"] == "ERROR"
    (event,) = failed["events"]
    assert event["attributes"]["exception.message"] == "broken"
    assert refused["attributes"]["http.response.status_code"] == 422
    assert refused["status"]["status_code"] == "UNSET"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_provider_is_created_from_the_environment(serve: Serve, workers: str) -> None:
    """OTEL_TRACES_EXPORTER=console writes spans of the service's name; what waits is sent before the end."""
    service = serve(
        "async def handler(context):\n    return context.trace_id\n",
        "--drain-delay", "0", "--workers", workers, OTEL_TRACES_EXPORTER="console",
    )  # fmt: skip
    trace_id = service.get().text
    assert service.stop() == 0
    assert f'"trace_id": "0x{trace_id}"' in service.log
    assert '"service.name": "handler"' in service.log


def test_an_exporter_that_is_not_installed_is_named(serve: Serve) -> None:
    """A service that cannot send its spans logs that once, and serves."""
    service = serve(
        "def handler():\n    return 1\n", "--drain-delay", "0", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9"
    )
    assert service.get().json() == 1
    assert service.log.count("no exporter 'otlp' for OpenTelemetry is installed") == 1


LOADED = (
    "import sys\nasync def handler():\n    return sorted(name for name in sys.modules if 'opentelemetry' in name)\n"
)


@pytest.mark.parametrize("environ", [{}, {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "console"}])
def test_nothing_of_it_is_loaded_unless_wanted(serve: Serve, environ: dict[str, str]) -> None:
    """With the SDK installed and nothing asked of it, or disabled, no module of it is imported."""
    service = serve(LOADED, **environ)
    assert service.get().json() == []

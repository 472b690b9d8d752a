"""The context as functions written for nuclio know it."""

from __future__ import annotations

import logging

import pytest

from ovenbird.processor.context import BoundLogger, NuclioPlatform, ProcessorContext, Response
from ovenbird.serve.response.serialize import reply_to


def test_a_response_by_keywords() -> None:
    """The usual way."""
    result = reply_to(Response(body={"a": 1}, headers={"X-A": "b"}, status_code=201))
    assert (result.status, result.body) == (201, b'{"a":1}')
    assert (b"x-a", b"b") in result.headers
    assert (b"content-type", b"application/json") in result.headers


@pytest.mark.parametrize(
    "response",
    [
        Response({"x": "1"}, "text", "text/html", 202),  # headers first, as in nuclio's own
        Response("text", {"x": "1"}, "text/html", 202),
    ],
)
def test_a_response_by_position(response: Response) -> None:
    """Headers are a mapping, so it is clear which of the two is the body."""
    assert (response.body, response.headers, response.content_type, response.status_code) == (
        "text", {"x": "1"}, "text/html", 202,
    )  # fmt: skip


def test_a_response_without_headers() -> None:
    """Nothing stands for no headers, in either place; two mappings are body and headers."""
    assert (Response(None, b"x").body, Response(None, b"x").headers) == (b"x", {})
    assert (Response("x", None).body, Response("x").headers) == ("x", {})
    assert (Response({"a": 1}, {"b": "2"}).body, Response({"a": 1}).body) == ({"a": 1}, {"a": 1})


def test_the_logger_formats_and_binds(caplog: pytest.LogCaptureFixture) -> None:
    """Arguments go into the message, fields next to it, and bound fields into every record that has fields."""
    logger = BoundLogger("bound")
    logger.bind(model="m1")
    with caplog.at_level(logging.DEBUG):
        for level in ("debug", "info", "warn", "error"):
            getattr(logger, level)("plain %d", 1)
            getattr(logger, f"{level}_with")("with %s", "x", step=2)
    assert [record.getMessage() for record in caplog.records] == ["plain 1", "with x"] * 4
    assert {tuple(vars(record).get("fields", {}).items()) for record in caplog.records[1::2]} == {
        (("model", "m1"), ("step", 2))
    }


def test_the_context_has_what_nuclio_gives() -> None:
    """Its trigger by name and kind, a place for user data, and any attribute that init sets."""
    platform = NuclioPlatform({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "DHCORE_NAMESPACE": "ns"})
    context = ProcessorContext("f", platform=platform, kind="http", trigger_name="mine", worker_id=2)
    assert (context.trigger.kind, context.trigger.name, context.trigger_name) == ("http", "mine", "mine")
    assert (context.worker_id, context.platform.kind, context.platform.namespace) == (2, "kube", "ns")
    context.user_data.model = context.project = context.model = "m"
    assert (context.user_data.model, context.project, context.Response) == ("m", "m", Response)


def test_the_platform_is_this_process_alone() -> None:
    """Its end can be heard of; other functions cannot be called, and the message says what to do instead."""
    platform, heard = NuclioPlatform({}), []
    assert (platform.kind, platform.namespace, platform.terminate()) == ("local", "default", None)
    platform.set_termination_callback(lambda: heard.append("end"))
    platform.set_drain_callback(lambda: heard.append("drain"))
    platform.terminate()
    assert heard == ["end"]
    with pytest.raises(NotImplementedError, match=r"call_function.'other'.*HTTP request"):
        platform.call_function("other", None)

"""Who reads the body: the runtime for most handlers, the handler itself where it has a request and no payload."""

from __future__ import annotations

import json

import pytest
from tests.raw import Raw, request, run_service
from tests.service import wait_until

from ovenbird.function.binder import MalformedPayloadError, PayloadValidationError
from ovenbird.function.validation_errors import FieldError
from ovenbird.serve.request.binder import translate_error

CHUNKED = b"POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.slow
def test_streamed_body_over_the_limit(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A handler that reads the body itself is held to the limits all the same: 413, and 408 when nothing comes."""
    flags = ("--max-body", "10kB", "--read-timeout", "500ms")
    with run_service(tmp_path_factory, "payloads/main.py:streamed", *flags) as service:
        with Raw(service) as client:
            client.send(CHUNKED + b"2710\r\n" + b"x" * 10_000 + b"\r\n")
            client.send(b"1\r\nx\r\n0\r\n\r\n")
            assert client.answer().status == 413
        with Raw(service) as client:
            client.send(CHUNKED + b"1\r\nx\r\n")
            assert client.answer().status == 408
        with Raw(service) as client:
            client.send(request(b"x" * 10_000))
            assert json.loads(client.answer().body)["total"] == 10_000


def test_streamed_body_of_a_client_that_leaves(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A client that leaves in the middle of its body ends the handler that reads it."""
    with run_service(tmp_path_factory, "payloads/main.py:streamed") as service:
        with Raw(service) as client:
            client.send(CHUNKED + b"1\r\nx\r\n")
            wait_until(lambda: service.metrics()["ovenbird_in_flight"] == 1, lambda: "it does not run")
        wait_until(lambda: service.metrics().get('ovenbird_calls_total{status="499"}') == 1, lambda: "no 499")


def test_refusal() -> None:
    """A body that cannot be parsed is a 400; one that does not fit is a 422 with each field."""
    assert translate_error(MalformedPayloadError("broken")).status == 400
    problem = translate_error(PayloadValidationError([FieldError("a", "missing"), FieldError("b[0]", "expected int")]))
    assert problem.status == 422
    assert problem.extra["errors"] == [
        {"field": "a", "message": "missing"},
        {"field": "b[0]", "message": "expected int"},
    ]

"""Options and headers."""

from __future__ import annotations

from typing import Any

import pytest

from ovenbird.client.client import Client
from ovenbird.client.errors import ClientError
from ovenbird.client.request import trace_headers

KEY = "a-key-that-nobody-may-see"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 0}, "`timeout` is a number of seconds above 0, found 0"),
        ({"timeout": "3"}, "`timeout`"), ({"timeout": float("nan")}, "`timeout`"), ({"timeout": True}, "`timeout`"),
        ({"connect_timeout": None}, "`connect_timeout`"), ({"retries": -1}, "`retries`"),
        ({"retries": 1.5}, "`retries`"), ({"api_key": ""}, "`api_key` is empty"),
        ({"api_key": f"{KEY}\n"}, "'authorization' is no text"), ({"headers": {"a b": "x"}}, "'a b' is no name"),
        ({"headers": {"x": f"{KEY}\r\ny: z"}}, "the header 'x' is no text"), ({"headers": {"x": "€"}}, "'x'"),
        ({"headers": {"x": 3}}, "'x'"), ({"verify": "/no/where.pem"}, "cannot read certificates"),
        ({"verify": "/etc/hostname"}, "cannot read certificates"), ({"verify": 3}, "`verify` is True, False"),
        ({"error_types": {"x": ValueError}}, "derived from `StatusError`"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_meant(options: dict[str, Any], message: str) -> None:
    """They are refused when the client is made, without the value of a secret."""
    with pytest.raises(ClientError, match=message) as caught:
        Client("http://localhost", **options)
    assert KEY not in str(caught.value)


def test_other_options_make_another_client() -> None:
    """Headers are added; what is unknown is named."""
    client = Client("http://localhost", headers={"x-a": "1"}, api_key=KEY)
    other = client.with_options(headers={"x-b": "2"}, timeout=3)
    assert (dict(other._options.headers), other._options.timeout) == ({"x-a": "1", "x-b": "2"}, 3)
    assert client._options.timeout == 60
    assert KEY not in f"{client!r}{other!r}{client._options!r}"
    with pytest.raises(ClientError, match="there is no option 'timout'"):
        client.with_options(timout=3)


def test_outside_of_a_call_there_is_no_trace() -> None:
    """No header is invented."""
    assert trace_headers() == {}


def test_a_trace_of_opentelemetry() -> None:
    """The current span counts."""
    from opentelemetry.sdk.trace import TracerProvider

    with TracerProvider().get_tracer("test").start_as_current_span("outer") as span:
        import opentelemetry.propagate  # noqa: F401  # what a program with OpenTelemetry has loaded

        assert f"{span.get_span_context().trace_id:032x}" in trace_headers()["traceparent"]

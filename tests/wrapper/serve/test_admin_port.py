"""The runtime's own routes: what is reserved, and where metrics and the OpenAPI document are answered."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest
from tests.raw import Raw

SOURCE = "async def handler(event):\n    return {'path': event.path}\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_of_their_own(serve: Any, workers: str) -> None:
    """Only the admin port serves metrics and the document, with and without prefix; both ports serve probes."""
    port, own = free_port(), free_port()
    service = serve(SOURCE, "--port", str(own), "--admin-port", str(port), "--workers", workers)
    service.url = f"http://127.0.0.1:{own}"  # of the two that are open
    admin = f"http://127.0.0.1:{port}"
    for path in ("/_/metrics", "/metrics"):
        assert "ovenbird_calls_total" in httpx.get(admin + path, verify=False).text
    assert httpx.get(admin + "/_/openapi.json", verify=False).json()["openapi"] == "3.1.0"
    for path in ("/_/live", "/_/ready"):
        assert httpx.get(admin + path, verify=False).status_code == service.get(path).status_code == 200
    for path in ("/_/metrics", "/_/openapi.json"):
        assert service.get(path).status_code == 404
        assert "metrics" not in service.get(path).json()["detail"]
    assert httpx.get(admin + "/", verify=False).status_code == 404
    assert service.stop() == 0


def test_nowhere(serve: Any) -> None:
    """`off` leaves the probes alone."""
    service = serve(SOURCE, "--admin-port", "off")
    assert [service.get(f"/_/{name}").status_code for name in ("live", "ready", "metrics", "openapi.json")] == [
        200, 200, 404, 404,
    ]  # fmt: skip


def test_a_port_in_use(serve: Any) -> None:
    """The error names the second port."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        service = serve(SOURCE, "--admin-port", str(port), ready=False)
        assert service.wait() == 70
        assert f":{port}" in service.log
        assert "OVENBIRD_ADMIN_PORT=N" in service.log


@pytest.mark.parametrize("path", [
    "/%5f/live", "/_%2flive", "/%5F/live", "//_/live", "/_", "/_%2Fmetrics", "/x/../_/live", "/._/live", "/__/live",
])  # fmt: skip
def test_what_is_not_the_reserved_prefix(serve: Any, path: str) -> None:
    """The prefix is what was sent, not what it would decode to: all else is the function's."""
    service = serve(SOURCE)
    with Raw(service) as client:
        client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        answer = client.answer()
    assert (answer.status, b'"path"' in answer.body) == (200, True)


@pytest.mark.parametrize(("path", "status"), [
    ("/_/live", 200), ("/_/live?x=1", 200), ("/_/LIVE", 404), ("/_/live/", 404), ("/_/", 200), ("/_/../x", 404),
    ("http://host/_/live", 200),
])  # fmt: skip
def test_what_is_reserved(serve: Any, path: str, status: int) -> None:
    """Everything below the prefix is the runtime's, in any form of the request's target."""
    service = serve("async def handler():\n    return 'ours'\n")
    with Raw(service) as client:
        client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        answer = client.answer()
    assert (answer.status, answer.body == b"ours") == (status, False)

"""A service is put together, or refused with the exit status of the phase that failed."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.service import Service

Serve = Callable[..., Service]
GOOD = "def handler():\n    return 1\n"


@pytest.mark.parametrize(("workers", "listening"), [("1", True), ("2", True), ("1", False)])
def test_a_port_in_use_is_named(serve: Serve, workers: str, listening: bool) -> None:
    """Exit 70 and a record with the address, whether the other process listens or has only bound the port."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(listening))
        other.bind(("127.0.0.1", 0))
        if listening:
            other.listen()
        port = other.getsockname()[1]
        service = serve(GOOD, "--port", str(port), "--workers", workers, ready=False)
        assert service.wait() == 70
    assert service.records[0]["code"] == "settings"
    assert f"127.0.0.1:{port}" in service.records[0]["message"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("import nothing_of_this_name\ndef handler():\n    return 1\n", "nothing_of_this_name"),
        ("def handler(:\n    return 1\n", "SyntaxError"),
        ("handler = 3\n", "int"),
        ("def handel():\n    return 1\n", "handler"),
    ],
)
def test_what_does_not_load_ends_with_72(serve: Serve, source: str, text: str) -> None:
    """Each failure of loading has a record of its own code, and the parent exits with its status."""
    service = serve(source, "--workers", "2" if text == "handler" else "1", ready=False)
    assert service.wait() == 72, service.log
    record = next(record for record in service.records if record.get("code", "").startswith("load"))
    assert text in record["message"]


def test_a_document_that_does_not_parse_ends_with_71(serve: Serve, tmp_path: Path) -> None:
    """The document's problems are reported before any process is started."""
    (tmp_path / "function.yaml").write_text("kind: python\nspec:\n  source: {handler: 3}\n")
    service = serve(str(tmp_path), ready=False)
    assert (service.wait(), service.records[0]["code"]) == (71, "document")


def test_settings_that_do_not_parse_end_with_70(serve: Serve) -> None:
    """Every value that does not parse is reported at once."""
    service = serve(GOOD, "--grace", "soon", "--queue", "-1", ready=False)
    assert service.wait() == 70
    assert "--grace" in service.records[0]["message"]
    assert "--queue" in service.records[0]["message"]


def test_workers_auto_takes_what_the_quota_allows(serve: Serve) -> None:
    """`auto` serves."""
    service = serve(GOOD, "--workers", "auto", "--drain-delay", "0")
    assert service.call({}).json() == 1
    assert service.stop() == 0

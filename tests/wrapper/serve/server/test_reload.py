"""--reload: an edit is served without a restart by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.service import Service, wait_until

Serve = Callable[..., Service]


def answers(service: Service, text: str) -> None:
    """Wait until the service answers so."""

    def look() -> bool:
        try:
            return service.get().text == text
        except httpx.TransportError:
            return False

    wait_until(look, lambda: f"no {text!r}: {service.log}", service)


@pytest.mark.slow
def test_an_edit_is_served(serve: Serve, tmp_path: Path) -> None:
    """The handler, and a module in its folder, are loaded again; the port stays the same."""
    (tmp_path / "words.py").write_text("word = '1'\n")
    service = serve("import words\ndef handler():\n    return 'a' + words.word\n", "--reload", "--drain-delay", "0")
    answers(service, "a1")
    (tmp_path / "words.py").write_text("word = '2'\n")
    answers(service, "a2")
    (tmp_path / "main.py").write_text("import words\ndef handler():\n    return 'b' + words.word\n")
    answers(service, "b2")
    assert "changed: main.py" in service.log
    assert service.stop() == 0


@pytest.mark.slow
def test_a_broken_edit_is_reported_and_mended_by_the_next(serve: Serve, tmp_path: Path) -> None:
    """The process stays; the log has the error; a good edit is served."""
    service = serve("def handler():\n    return 'a'\n", "--reload", "--drain-delay", "0")
    answers(service, "a")
    (tmp_path / "main.py").write_text("def handler(:\n")
    service.wait_log("waiting for a change")
    assert any(record.get("code") == "load.module_failed" for record in service.records)
    assert service.get().text == "a"  # the old one serves on
    (tmp_path / "main.py").write_text("def handler():\n    return 'c'\n")
    answers(service, "c")
    assert service.stop() == 0


def test_a_service_that_starts_broken_is_mended(serve: Serve, tmp_path: Path) -> None:
    """The first version need not load."""
    service = serve("def handler(:\n    pass\n", "--reload", "--drain-delay", "0", ready=False)
    service.wait_log("waiting for a change")
    (tmp_path / "main.py").write_text("def handler():\n    return 'a'\n")
    service.wait_ready()
    answers(service, "a")
    assert service.stop() == 0


@pytest.mark.slow
def test_an_edit_of_the_document_is_served(serve: Serve, tmp_path: Path) -> None:
    """The function document is read anew: another handler, found in another file."""
    document = "kind: python\nname: f\nspec:\n  source: {source: ., handler: 'main:%s'}\n"
    (tmp_path / "main.py").write_text("def one():\n    return '1'\ndef two():\n    return '2'\n")
    (tmp_path / "function.yaml").write_text(document % "one")
    service = serve(str(tmp_path), "--reload", "--drain-delay", "0")
    answers(service, "1")
    (tmp_path / "function.yaml").write_text(document % "two")
    answers(service, "2")
    assert service.stop() == 0

"""Why a pod failed is where people look: whole UTF-8, 4 KiB at most, without secrets, only where there is a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ovenbird.common.termination_log import (
    format_termination_message,
    format_termination_result,
    write_termination_message,
)


def test_code_message_and_last_lines() -> None:
    """The code and the message come first, then the end of the traceback."""
    traceback = "\n".join(f"line {number}" for number in range(2000))
    text = format_termination_message("handler", "ValueError: no such column: age", traceback)
    lines = text.splitlines()
    assert lines[0] == "handler: ValueError: no such column: age"
    assert lines[-1] == "line 1999"
    assert 3500 < len(text.encode()) <= 4096
    assert format_termination_message("ValueError", "ValueError: no such column") == "ValueError: no such column\n"


@pytest.mark.parametrize("text", ["ä" * 5000, "🦜" * 5000, "a" + "€" * 5000, "\udc80" * 5000], ids=list("2431"))
def test_a_long_message_is_cut_between_characters(text: str) -> None:
    """Whatever the width of its characters."""
    message = format_termination_message("handler", text, text)
    data = message.encode()
    assert len(data) <= 4096
    assert data.decode() == message
    assert "..." in message


def test_secrets_stay_out() -> None:
    text = format_termination_message("source", "https://ann:hunter2@h/x failed", "git clone https://ann:hunter2@h/x")
    assert "hunter2" not in text


def test_where_it_goes(tmp_path: Path) -> None:
    """Only an existing file is written; none is created, and a device or a folder is left alone."""
    path = tmp_path / "termination-log"
    assert not write_termination_message("a", "b", path=str(path))
    assert not path.exists()
    path.write_text("before, and longer than what comes")
    assert write_termination_message("a", "b", path=str(path))
    assert path.read_text() == "a: b\n"
    assert not write_termination_message("a", "b", path="/dev/null")
    assert not write_termination_message("a", "b", path=str(tmp_path))


def test_the_result_of_a_run() -> None:
    """Results and outputs as JSON of at most 4 KiB; what has no room is counted, and what is secret is masked."""
    results = {"rows": 1024, "api_token": "hunter2", "long": "ä" * 4000, "last": [1, {"a": None}]}
    text = format_termination_result("store://p/run/r:1", results, {"model": "store://p/model/sklearn/m:1"})
    assert len(text.encode()) <= 4096
    assert json.loads(text) == {
        "state": "COMPLETED", "run": "store://p/run/r:1", "outputs": {"model": "store://p/model/sklearn/m:1"},
        "results": {"rows": 1024, "api_token": "***", "last": [1, {"a": None}]}, "cut": 1,
    }  # fmt: skip

"""Fixtures for tests of the verbs of records."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from tests import starts
from tests.terminal import run_on_terminal

from ovenbird.commands.records.record_verbs import main
from ovenbird.platform.local.store import LocalStore


@pytest.fixture
def run_verb(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Run a verb on the store of the test and return what it prints."""
    monkeypatch.setenv("OVENBIRD_HOME", str(store.home))

    def run(*words: str) -> str:
        capsys.readouterr()
        assert main(words) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def rows(run_verb: Callable[..., str]) -> Callable[..., list[dict[str, Any]]]:
    """`runs list` with flags; the rows of its JSON."""

    def run(*words: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(run_verb("runs", "list", *words))
        return listed

    return run


@pytest.fixture
def terminal(store: LocalStore) -> Callable[..., str]:
    """Run a verb of `ovenbird` on a terminal of so many columns; what it shows."""

    def run(*words: str, columns: int = 120) -> str:
        env = {**os.environ, "OVENBIRD_HOME": str(store.home), "COLUMNS": str(columns)}
        output = run_on_terminal(words, env, start=starts.start)
        assert output.code == 0, output.errors
        return output.text

    return run

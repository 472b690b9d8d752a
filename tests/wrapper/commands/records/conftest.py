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
from ovenbird.platform.entities.run import run_metadata, start_run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


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


@pytest.fixture
def record_run(store: LocalStore) -> Callable[..., str]:
    """Record a run that has ended, with parameters, results, metrics and labels; return its id."""

    def record(
        parameters: dict[str, Any] | None = None,
        results: dict[str, Any] | None = None,
        metrics: dict[str, Any] | None = None,
        *,
        function: str = "train",
        state: str = "COMPLETED",
        status: dict[str, Any] | None = None,
        **labels: Any,
    ) -> str:
        revision = Project(store, "p", {}).register_function(function, {"source": {"handler": f"main:{function}"}})
        spec = {"parameters": parameters or {}}
        run = start_run(
            store, "p", {}, function=revision.key, spec=spec, status=status, metadata=run_metadata(**labels)
        )
        if metrics:
            run.log_metrics(metrics)
        run.finish(state, results=results or {})
        return run.id

    return record

"""`testing.run`: a job in this process, with a store of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ovenbird import handler, testing
from ovenbird.errors import ArgumentsError, InputError, SettingsError

pytestmark = pytest.mark.slow


def train(depth: int, run: Any, data: bytes = b"", limits: dict[str, int] | None = None) -> int:
    """Return a number; log metrics and text."""
    print("training")
    run.log_metric("loss", 0.5)
    return depth + len(data) + (limits or {}).get("low", 0)


@handler(outputs=["table", "notes"])
def make_outputs(frame: pd.DataFrame) -> Any:
    """Return a table and JSON."""
    return frame * 2, [{"n": 1}]


def test_results_metrics_and_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that `ovenbird runs show` would show; the folder and the variables of the test are left alone."""
    monkeypatch.chdir(tmp_path)
    before, handlers = dict(os.environ), [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    result = testing.run(train, {"depth": 3}, inputs={"data": b"12", "limits": {"low": 1}})
    assert (result.state, result.results, result.exit_code) == ("COMPLETED", {"output_0": 6}, 0)
    assert result.metrics == {"loss": [0.5]}
    assert "training" in result.logs
    assert result.run.status.parameters["depth"] == 3
    assert dict(os.environ) == before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert list(tmp_path.iterdir()) == []


def test_outputs_are_entities() -> None:
    """They can be read as long as something refers to them."""
    outputs = testing.run(make_outputs, inputs={"frame": pd.DataFrame({"a": [1, 2]})}).outputs
    assert outputs["table"].as_df()["a"].tolist() == [2, 4]


def test_paths_and_a_store_that_is_kept(tmp_path: Path) -> None:
    """An input may be a path; a store that the test names keeps its runs."""
    path = tmp_path / "data.bin"
    path.write_bytes(b"123")
    for depth in (1, 2):
        testing.run(train, {"depth": depth}, inputs={"data": path}, store=tmp_path / "store").close()
    result = testing.run(train, {"depth": 3}, store=tmp_path / "store")
    assert len(result.run.metadata.project) > 0
    assert (tmp_path / "store" / "ovenbird.db").exists()


def test_errors() -> None:
    """What the function raises is raised here; `raise_errors=False` gives the recorded error."""

    def fail(n: int) -> None:
        raise ZeroDivisionError(n)

    with pytest.raises(ZeroDivisionError):
        testing.run(fail, {"n": 1})
    result = testing.run(fail, {"n": 1}, raise_errors=False)
    assert (result.state, result.exit_code, result.error["type"]) == ("ERROR", 74, "ZeroDivisionError")
    with pytest.raises(ArgumentsError, match="'m' is not an argument of the handler"):
        testing.run(fail, {"m": 1})
    with pytest.raises(SettingsError, match="has no `timeout`"):
        testing.run(fail, {"n": 1}, timeout=1)
    with pytest.raises(InputError):
        testing.run(fail, inputs={"n": "/no/such/file"})


def test_secrets_and_init() -> None:
    """As in a service."""

    def read(project: Any) -> str:
        return project.get_secret("TOKEN").read_secret_value()

    assert testing.run(read, secrets={"TOKEN": "s"}).results == {"output_0": "s"}


async def wait(n: int) -> int:
    """Return a number, on an event loop."""
    await asyncio.sleep(0)
    return n


def test_an_async_function_below_a_running_loop() -> None:
    """As in a notebook, or in an async test; and from a thread."""

    async def work() -> Any:
        return testing.run(wait, {"n": 2}).results

    assert asyncio.run(work()) == testing.run(wait, {"n": 2}).results == {"output_0": 2}
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(testing.run(wait, {"n": 3}).results))
    thread.start()
    thread.join(30)
    assert results == [{"output_0": 3}]

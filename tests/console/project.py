"""A project for tests of the page: functions, and runs that are recorded without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ovenbird.platform.keys import new_id
from ovenbird.platform.local.store import LocalStore

TRAIN = '''
"""Functions of a test."""
import time
from dataclasses import dataclass
from typing import Literal

@dataclass
class Point:
    x: float
    y: float

def train(run, count: int, rate: float = 0.5, fast: bool = True, mode: Literal["a", "b"] = "a",
          day: str = "2024-01-02", tags: list[str] = [], point: Point | None = None, password: str = ""):
    """Train a <script>alert(1)</script> model.

    Args:
        count: how many rounds
    """
    for step in range(count):
        run.log_metric("loss", 1 / (step + 1))
        print("\\x1b[31mround\\x1b[0m", step, "<b>&amp;</b>\\x07", flush=True)
    return {"count": count, "mode": mode, "point": point and point.x}

def wait(seconds: float = 600):
    """Wait until it is stopped."""
    print("waiting", flush=True)
    time.sleep(seconds)

def fail():
    """Fail."""
    raise ValueError("no <b>luck</b>")
'''


def write_project(folder: Path) -> None:
    """Write a module with functions of all kinds, and one that cannot be imported."""
    (folder / "train.py").write_text(TRAIN)
    (folder / "broken.py").write_text("import no_such_module_at_all\n\ndef lost(): ...\n")


def record_run(
    folder: Path, state: str = "COMPLETED", *, identity: str = "", log: str = "", function: str = "old", **status: Any
) -> str:
    """Record a run in the store of a folder, as if it had ended; return its id."""
    store = LocalStore(folder / ".ovenbird")
    identity = identity or new_id()
    key = f"store://default/run/python+job:run/{identity}:{identity}"
    times = {"started": "2026-01-01T00:00:00.000Z", "ended": "2026-01-01T00:00:02.500Z"}
    store.create({
        "id": identity, "type": "run", "kind": "python+job:run", "name": identity, "project": "default", "key": key,
        "user": "", "metadata": {"project": "default", "name": "run"},
        "spec": {"function": f"store://default/function/python/{function}:{'0' * 32}", "parameters": {}, "inputs": {}},
        "status": {"state": state, **times, **status},
    })  # fmt: skip
    if log:
        store.log_file("default", identity).write_text(log)
    store.close()
    return identity

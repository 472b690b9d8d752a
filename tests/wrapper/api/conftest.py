"""A folder of its own for each test of the Python API: a module in it, and a store."""

from __future__ import annotations

from pathlib import Path

import pytest

TRAIN = """
def train(depth: int = 3, fail: bool = False):
    print("training", depth)
    if fail:
        raise ValueError("no such depth")
    return depth * 2
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `train.py` in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OVENBIRD_HOME", raising=False)
    (tmp_path / "train.py").write_text(TRAIN)
    return tmp_path

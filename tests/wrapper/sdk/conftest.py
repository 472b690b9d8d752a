"""A store of the test's own, as a process finds it by its variables."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.gitserver import gits, repository

import ovenbird as dh
from ovenbird.platform.project.project import Project

__all__ = ["demo", "folder", "gits", "repository"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of the test, whose store is below it."""
    monkeypatch.chdir(tmp_path)
    for name in ("OVENBIRD_HOME", "DHCORE_ENDPOINT", "PROJECT_NAME", "RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def demo(folder: Path) -> Project:
    """The project `demo` in that store."""
    del folder
    return dh.get_or_create_project("demo")

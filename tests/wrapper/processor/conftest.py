"""Fixtures and documents of the processor's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.fixtures import core, platform
from tests.gitserver import gits, repository
from tests.processors import Processors

__all__ = ["core", "gits", "platform", "repository"]


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Processors]:
    """A folder as /shared is in the platform, and processors on it."""
    processors = Processors(tmp_path)
    yield processors
    processors.close()

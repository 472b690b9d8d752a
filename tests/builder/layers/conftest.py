"""A cache in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ovenbird_builder.layers.cache import Cache


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    """An empty cache."""
    found = Cache(tmp_path / "cache")
    yield found
    found.close()

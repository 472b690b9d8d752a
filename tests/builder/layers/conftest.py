"""A cache in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ovenbird_builder.cache.layer_cache import LayerCache


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[LayerCache]:
    """An empty cache."""
    found = LayerCache(tmp_path / "cache")
    yield found
    found.close()

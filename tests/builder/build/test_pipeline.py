"""The end of a build whose image is delivered already."""

from __future__ import annotations

import resource
from contextlib import closing
from pathlib import Path

import pytest

from ovenbird_builder.build.pipeline import note_if_possible
from ovenbird_builder.cache.layer import compute_key
from ovenbird_builder.cache.layer_cache import LayerCache

KEY = compute_key("last build", tag="localhost/f")


def test_a_full_cache_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What the next build is explained by is missing then: the image is there."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with closing(LayerCache(tmp_path)) as cache:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))  # as a disk that is full
        try:
            note_if_possible(lambda: cache.note(KEY, "x"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert cache.recall(KEY) is None
    assert "the cache does not remember this build" in caplog.text

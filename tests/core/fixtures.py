"""A double of Core for a test, alone or with S3."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .server import Double


@pytest.fixture
def core() -> Iterator[Double]:
    """A Core that is empty but for the project `p`."""
    double = Double()
    double.entities.add_project({"name": "p", "kind": "project", "spec": {}})
    yield double
    double.close()


@pytest.fixture
def platform(core: Double, s3: dict[str, str]) -> dict[str, str]:
    """The environment of a process in a platform that has that Core, with the bucket `outputs` for files."""
    return make_platform(core, s3)


def make_platform(core: Double, s3: dict[str, str]) -> dict[str, str]:
    """Return the environment of a process in a platform that has that Core and that S3."""
    return {**core.environ(), **s3, "DHCORE_DEFAULT_FILES_STORE": "s3://outputs"}

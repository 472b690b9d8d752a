"""A project in a store of its own, where the rest of the tests means a folder of source by that name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.fixtures import core, platform
from tests.stores import project

from ovenbird.platform.core.store import DigitalHubStore
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project

__all__ = ["core", "platform", "project"]


@pytest.fixture(params=["local", "core"])
def either(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:  # fmt: skip
    """The project `p` in the local store, and in Core with S3; the current folder is the test's own."""
    monkeypatch.chdir(tmp_path)
    if request.param == "local":
        local = LocalStore(tmp_path / "home")
        yield Project(local, "p", {"FROM_OUTSIDE": "of the environment"})
        local.close()
        return
    environ = {**request.getfixturevalue("platform"), "FROM_OUTSIDE": "of the environment"}
    store = DigitalHubStore(environ, 5.0)
    yield Project(store, "p", environ)
    store.close()

"""A project in a store of its own, where the rest of the tests means a folder of source by that name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.fixtures import core, platform
from tests.postgres import database_url, make_store, postgres_server
from tests.stores import project

from ovenbird.platform.core.store import DigitalHubStore
from ovenbird.platform.project.project import Project

__all__ = ["core", "database_url", "platform", "postgres_server", "project"]


@pytest.fixture(params=["local", "postgres", "core"])
def either(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:  # fmt: skip
    """The project `p` in the local store, in a database, and in Core with S3; the current folder is the test's own."""
    monkeypatch.chdir(tmp_path)
    if request.param != "core":
        local = make_store(request, tmp_path)
        yield Project(local, "p", {"FROM_OUTSIDE": "of the environment"})
        local.close()
        return
    environ = {**request.getfixturevalue("platform"), "FROM_OUTSIDE": "of the environment"}
    store = DigitalHubStore(environ, 5.0)
    yield Project(store, "p", environ)
    store.close()

"""What the tests of the page share: one chromium and one started page for each module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.console.browser import Site, start_browser, start_site


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One chromium."""
    with start_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A page that was started in a folder of its own, whose store is empty at first."""
    folder: Path = tmp_path_factory.mktemp("project")
    with start_site(folder) as site:
        yield site

"""The pages that are made from the code are those that the code makes now."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["settings", "build_settings"])
def test_the_settings_page_is_current(name: str) -> None:
    """The page of a table is what `make docs` would write."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"make_{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = ROOT / "docs" / f"{name.replace('_', '-')}.md"
    assert page.read_text() == module.page(), "run `make docs`"


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link of README and docs/ names a file that exists."""
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"

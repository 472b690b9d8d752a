"""Pages that are made from the code are current, and what pages name exists."""

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


# where a path on a page may begin
FOLDERS = (
    ROOT,
    ROOT / "wrapper" / "ovenbird",
    ROOT / "builder" / "ovenbird_builder",
    ROOT / "console" / "ovenbird_console",
)
# what looks like a path of the repository and is one of another place
ELSEWHERE = {"cluster/up", ".git/HEAD"}


def list_paths(text: str) -> list[str]:
    """Return the paths in backticks: with a slash or ending in .py; cut at a placeholder such as `<name>`."""
    words = [word.partition("<")[0] for word in re.findall(r"`([^`\n ]+)`", text)]
    return [word for word in words if re.fullmatch(r"\.?\w[\w./-]*(/[\w./-]*|\.py)", word) and word not in ELSEWHERE]


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_the_paths_that_a_page_names_exist(page: str) -> None:
    """A maintainer who follows a path arrives: whoever moves a file mends the page."""
    paths = list_paths((ROOT / page).read_text())
    assert paths
    missing = [path for path in paths if not any((folder / path).exists() for folder in FOLDERS)]
    assert missing == []


def test_paths_of_a_page() -> None:
    """Files and folders are; addresses, commands and roots of containers are not."""
    text = "`a/b.py` `cli.py` `docs/` `corpus/<parser>/` `.ci/run` `/run/ovenbird` `git+https://x` `make x/y` `a`"
    assert list_paths(text) == ["a/b.py", "cli.py", "docs/", "corpus/", ".ci/run"]


@pytest.mark.parametrize("folder", ["wrapper/ovenbird", "builder/ovenbird_builder", "console/ovenbird_console"])
def test_the_page_of_the_architecture_has_every_package(folder: str) -> None:
    """Each folder of modules has its row in the table of its distribution."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    section = re.split(r"^## ", page.partition(f": `{folder}/`\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    root = ROOT / folder
    packages = [str(path.parent.relative_to(root)) for path in root.rglob("__init__.py") if path.parent != root]
    assert packages
    assert [name for name in sorted(packages) if f"\n| `{name}/` |" not in section] == []

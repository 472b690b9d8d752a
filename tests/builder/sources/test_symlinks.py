"""Where the links of a tree may lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird_builder.errors import UnsafeSourceError
from ovenbird_builder.sources import symlinks


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with a file in a folder, and a secret outside of the tree."""
    (tmp_path / "secret").write_text("s")
    folder = tmp_path / "tree"
    (folder / "data").mkdir(parents=True)
    (folder / "data/a.txt").write_text("a")
    return folder


@pytest.mark.parametrize(
    "target", ["data/a.txt", "data", "./data/../data/a.txt", "nowhere"], ids=["file", "folder", "dots", "nothing"]
)
def test_a_link_within_the_tree_is_accepted(root: Path, target: str) -> None:
    """To a file, a folder, by a detour that stays below the root, and to nothing."""
    (root / "link").symlink_to(target)
    symlinks.check_link(root, "link", "source")


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "data/../../secret", ".."])
def test_a_link_that_leaves_the_tree_is_refused(root: Path, target: str) -> None:
    """The error names source, link and target, and what to do."""
    (root / "link").symlink_to(target)
    with pytest.raises(UnsafeSourceError, match="source: the link 'link' -> ") as caught:
        symlinks.check_link(root, "link", "source")
    assert target in str(caught.value)
    assert ".ovenbirdignore" in caught.value.hint


def test_a_chain_is_followed(root: Path) -> None:
    """Each link of it counts: the last one leaves, a folder above the path leaves, or they go in a circle."""
    (root / "first").symlink_to("second")
    (root / "second").symlink_to("../secret")
    (root / "out").symlink_to("..")
    (root / "round").symlink_to("about")
    (root / "about").symlink_to("round")
    for path in ("first", "out/secret", "round"):
        with pytest.raises(UnsafeSourceError, match="source: the link"):
            symlinks.check_link(root, path, "source")

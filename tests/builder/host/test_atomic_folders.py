from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ovenbird_builder.host.atomic_folders import fill_folder


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    """Nobody sees it before it is filled; a container's user may enter it; no draft is left."""
    target = tmp_path / "deep" / "tools"
    with fill_folder(target) as folder:
        (folder / "a").write_text("a")
        assert not target.exists()
    assert (target / "a").read_text() == "a"
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert [path.name for path in target.parent.iterdir()] == ["tools"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    """A partial folder is removed after an error."""

    def fill(folder: Path) -> None:
        (folder / "a").write_text("a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), fill_folder(tmp_path / "tools") as folder:
        fill(folder)
    assert list(tmp_path.iterdir()) == []


def test_the_first_of_two_stays(tmp_path: Path) -> None:
    """Of two that fill the same folder, the one that ends first counts, and the other is no error."""
    target = tmp_path / "tools"
    with fill_folder(target) as late:
        (late / "a").write_text("late")
        with fill_folder(target) as early:
            (early / "a").write_text("early")
    assert (target / "a").read_text() == "early"
    assert [path.name for path in tmp_path.iterdir()] == ["tools"]

"""What of a folder requirement is built."""

from __future__ import annotations

from pathlib import Path

from ovenbird_builder.locking.origins import _leftovers


def test_only_the_build_folder_of_the_project_itself_is_left_out(tmp_path: Path) -> None:
    """A folder `build` below the project's root is code, and so is a package of that name at its root."""
    (tmp_path / "build").mkdir()
    names = ["build", "src", ".git", "x.egg-info", "__pycache__"]
    assert _leftovers(tmp_path, tmp_path, names) == {"build", ".git", "x.egg-info", "__pycache__"}
    assert _leftovers(tmp_path, tmp_path / "src" / "lib", ["build", "a.py"]) == set()
    (tmp_path / "build" / "__init__.py").write_text("")
    assert _leftovers(tmp_path, tmp_path, ["build", "src"]) == set()

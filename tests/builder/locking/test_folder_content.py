"""The files of a folder requirement that are built and count in its digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird_builder.locking.folder_content import copy_folder, digest_content, list_leftovers


def write(root: Path, *names: str) -> None:
    """Write files of some content, with their folders."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def list_copied(root: Path, into: Path) -> set[str]:
    """Return the files that are copied to be built."""
    copy_folder(root, into)
    return {path.relative_to(into).as_posix() for path in into.rglob("*") if path.is_file()}


def test_only_the_folders_of_builds_are_left_out(tmp_path: Path) -> None:
    """`build`, `dist` and metadata at the top of a project are leftovers; deeper ones and packages are content."""
    keep = (
        "pyproject.toml", "plum/build/a.py", "plum/dist/__init__.py", "src/pear/build/b.txt", "tests/data/dist/x.whl",
        "plum/__init__.py", "plum/old.egg-info/PKG-INFO", "src/pear/fixtures/x.egg-info/PKG-INFO",
    )  # fmt: skip
    drop = (
        "build/lib/plum/old.py", "dist/plum-1.whl", "plum.egg-info/SOURCES.txt", "src/pear.egg-info/SOURCES.txt",
        ".git/config", "plum/__pycache__/a.pyc", "function.lock", "function.linux-arm64.lock", ".venv/pyvenv.cfg",
        ".venv/lib/x.py",
    )  # fmt: skip
    write(tmp_path / "root", *keep, *drop)
    assert list_copied(tmp_path / "root", tmp_path / "out") == set(keep)


@pytest.mark.parametrize("name", ["build", "dist"])
def test_a_package_of_that_name_is_code(name: str, tmp_path: Path) -> None:
    """A folder `build` or `dist` with an `__init__.py` is a package, also at the project's root."""
    write(tmp_path, f"{name}/__init__.py")
    assert list_leftovers(tmp_path, tmp_path, [name, "src"]) == set()


def test_a_digest_covers_the_files_to_build(tmp_path: Path) -> None:
    """Leftovers do not change the digest; a file deep below a folder `build` does."""
    write(tmp_path, "pyproject.toml", "plum/build/a.py", "plum/data/function.lock")
    before = digest_content(tmp_path)
    write(tmp_path, "build/lib/a.py", "dist/plum-1.whl", "plum.egg-info/PKG-INFO", "function.lock",
          "function.linux-arm64.lock", "plum/__pycache__/a.pyc")  # fmt: skip
    assert digest_content(tmp_path) == before
    for name in ("plum/build/a.py", "plum/data/function.lock", "pyproject.toml"):
        (tmp_path / name).write_text("changed")
        assert digest_content(tmp_path) != before
        before = digest_content(tmp_path)


def test_the_image_that_a_build_writes_down_changes_no_digest(tmp_path: Path) -> None:
    """`--write-back` sets `spec.image` after each build; another field of the document counts."""
    document = tmp_path / "function.yaml"
    document.write_text("kind: python\nspec:\n  handler: main:run\n")
    before = digest_content(tmp_path)
    for name in ("registry/a:1", "registry/a:2"):
        document.write_text(f"kind: python\nspec:\n  image: {name}\n  handler: main:run\n")
        assert digest_content(tmp_path) == before
    document.write_text("kind: python\nspec:\n  handler: main:other\n")
    assert digest_content(tmp_path) != before


def test_links_of_a_folder_requirement(tmp_path: Path) -> None:
    """A link to nothing is left out, one within is kept, also to a folder above itself, and one outside is its file."""
    project = tmp_path / "repo" / "lib"
    (project / "pkg").mkdir(parents=True)
    (project / "pkg" / "a.py").write_text("a = 1\n")
    (tmp_path / "repo" / "LICENSE").write_text("free\n")
    (tmp_path / "repo" / "shared").mkdir()
    (tmp_path / "repo" / "shared" / "b.py").write_text("b = 2\n")
    links = {"dangling": "nowhere", "circle": "circle", "up": "..", "pkg/again": "..", "pkg/c.py": "a.py",
             "LICENSE": "../LICENSE", "shared": "../shared"}  # fmt: skip
    for name, target in links.items():
        (project / name).symlink_to(target)
    copy = tmp_path / "copy"
    copy_folder(project, copy)
    names = {path.relative_to(copy).as_posix() for path in copy.rglob("*")}
    assert names == {"LICENSE", "pkg", "pkg/a.py", "pkg/again", "pkg/c.py", "shared", "shared/b.py"}
    assert (copy / "LICENSE").read_text() == "free\n"
    assert not (copy / "LICENSE").is_symlink()
    assert (copy / "pkg" / "c.py").read_text() == "a = 1\n"

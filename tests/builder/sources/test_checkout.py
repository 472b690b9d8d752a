"""The commit of a local working folder, and whether the files that are packed are those of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.gitserver import git

from ovenbird_builder.sources import checkout

from .conftest import Fetch


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose function lies in a folder of it, with everything committed."""
    root = tmp_path / "repository"
    app = root / "functions" / "app"
    app.mkdir(parents=True)
    (app / "main.py").write_text("def fn(): ...\n")
    (app / "helper.py").write_text("x = 1\n")
    (app / "notes.md").write_text("notes\n")
    (app / ".gitignore").write_text("*.log\n")
    (app / ".ovenbirdignore").write_text("*.md\n!kept.log\n")
    (root / "other.py").write_text("y = 1\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    return app


def test_a_folder_has_the_commit_of_its_checkout(fetch_tree: Fetch, project: Path) -> None:
    """For a folder and a single file; other files of the repository change nothing."""
    commit = git(project, "rev-parse", "HEAD")
    assert len(commit) == 40
    assert fetch_tree(str(project)).revision == commit
    (project / "notes.md").write_text("other notes\n")
    (project / "draft.md").write_text("a draft\n")
    (project / "run.log").write_text("ignored\n")
    (project.parent.parent / "other.py").write_text("y = 2\n")
    assert fetch_tree(str(project)).revision == commit
    assert fetch_tree("main.py", root=project).revision == commit


def change_file(project: Path) -> None:
    (project / "helper.py").write_text("x = 2\n")


def stage_file(project: Path) -> None:
    (project / "helper.py").write_text("x = 2\n")
    git(project, "add", "helper.py")


def add_file(project: Path) -> None:
    (project / "ne\u00fc w.py").write_text("z = 1\n")


def add_folder(project: Path) -> None:
    (project / "pkg" / "sub").mkdir(parents=True)
    (project / "pkg" / "sub" / "a.py").write_text("z = 1\n")


def take_ignored(project: Path) -> None:
    (project / "kept.log").write_text("taken by .ovenbirdignore\n")


def remove_file(project: Path) -> None:
    (project / "helper.py").unlink()


def rename_file(project: Path) -> None:
    git(project, "mv", "helper.py", "renamed.py")


def make_executable(project: Path) -> None:
    path = project / "helper.py"
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    "change",
    [change_file, stage_file, add_file, add_folder, take_ignored, remove_file, rename_file, make_executable],
)
def test_a_tree_that_differs_from_the_commit_is_marked(
    fetch_tree: Fetch, project: Path, change: Callable[[Path], None]
) -> None:
    """For every change of a packed file, until it is committed."""
    commit = git(project, "rev-parse", "HEAD")
    change(project)
    assert fetch_tree(str(project)).revision == f"{commit}-dirty"
    git(project, "add", "-A", "-f")
    git(project, "commit", "-q", "-m", "second")
    assert fetch_tree(str(project)).revision == git(project, "rev-parse", "HEAD")


def test_a_folder_that_git_ignores_is_not_the_commits(fetch_tree: Fetch, project: Path) -> None:
    """As a whole, or with the folder above it; one of new files alone neither."""
    top = project.parent.parent
    for name in ("out", "new"):
        (top / name / "app").mkdir(parents=True)
        (top / name / "app" / "main.py").write_text("def fn(): ...\n")
    (top / ".git" / "info").mkdir(exist_ok=True)
    (top / ".git" / "info" / "exclude").write_text("/out/\n")
    for name in ("out", "new"):
        assert fetch_tree(str(top / name / "app")).revision == git(project, "rev-parse", "HEAD") + "-dirty"


def test_a_document_that_the_build_writes_to_changes_nothing(tmp_path: Path, project: Path, fetch_tree: Fetch) -> None:
    """`--write-back` sets a line of it after the build; the next one finds nothing changed."""
    (project / "function.yaml").write_text("kind: python\n")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "second")
    (project / "function.yaml").write_text("kind: python\nname: x\n")
    assert fetch_tree(str(project)).revision == git(project, "rev-parse", "HEAD")


def test_without_a_commit_there_is_no_revision(fetch_tree: Fetch, tmp_path: Path) -> None:
    """A folder in no repository, and a repository that is empty."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "main.py").write_text("def fn(): ...\n")
    assert (fetch_tree(str(app)).revision, fetch_tree(str(app)).warnings) == ("", ())
    git(app, "init", "-q", "-b", "main")
    assert (fetch_tree(str(app)).revision, fetch_tree(str(app)).warnings) == ("", ())


def test_a_failure_of_git_is_noted(fetch_tree: Fetch, project: Path) -> None:
    """Without git, or if git refuses a repository, the build continues with a note."""
    revision = checkout.read_revision(project, ["main.py"], {"PATH": "/nowhere"}, lambda: 60.0)
    assert revision == ("", f"the image has no commit of {str(project)!r}: the program 'git' is not installed")
    (project.parent.parent / ".git" / "HEAD").write_text("broken\n")
    tree = fetch_tree(str(project))
    assert tree.revision == ""
    (warning,) = tree.warnings
    assert warning.startswith("the image has no commit of")


def test_no_program_of_the_checkout_is_run(fetch_tree: Fetch, project: Path, tmp_path: Path) -> None:
    """Neither a file system monitor nor a hook that the repository's configuration names; the index stays as it is."""
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    script.chmod(0o755)
    git(project, "config", "core.fsmonitor", str(script))
    git(project, "config", "core.hooksPath", str(tmp_path))
    index = project.parent.parent / ".git" / "index"
    os.utime(project / "helper.py", (1, 1))  # git would refresh what the index knows of it
    before = index.read_bytes()
    assert len(fetch_tree(str(project)).revision) == 40
    assert index.read_bytes() == before
    assert not (tmp_path / "ran").exists()

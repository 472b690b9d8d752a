"""A checkout of git, read by its files."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ovenbird.common.git_checkout import find_checkout, read_origin, read_revision

_GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")


def _git(folder: Path, *words: str) -> str:
    return subprocess.run([*_GIT, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_every_form_of_a_checkout(tmp_path: Path) -> None:
    """A branch, a detached commit, packed refs, a worktree and a folder below all tell the commit and the remote."""
    assert read_revision(tmp_path) == ""
    repository = tmp_path / "r"
    (repository / "sub").mkdir(parents=True)
    _git(repository, "init", "-q", ".")
    assert read_revision(repository) == ""
    (repository / "sub" / "a").write_text("a")
    _git(repository, "add", ".")
    _git(repository, "commit", "-qm", "one")
    head = _git(repository, "rev-parse", "HEAD")
    assert read_revision(repository / "sub") == head
    _git(repository, "pack-refs", "--all")
    assert read_revision(repository) == head
    _git(repository, "worktree", "add", "-q", "../w", "-b", "other")
    assert read_revision(tmp_path / "w") == head
    assert read_origin(tmp_path / "w") == ""
    _git(repository, "remote", "add", "origin", "git@example.org:team/r.git")
    assert read_origin(tmp_path / "w") == read_origin(repository) == "git@example.org:team/r.git"
    assert find_checkout(repository / "sub") == repository
    assert find_checkout(tmp_path) is None
    _git(repository, "checkout", "-q", "--detach")
    assert read_revision(repository) == head

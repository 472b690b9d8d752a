"""Where the source of a function lies in git, for people and for programs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.lineage.git_location import locate_source
from ovenbird.lineage.reported_run import ReportedRun

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(("address", "url", "repository"), [
    ("https://t:secret@github.com/a/b.git", f"https://github.com/a/b/blob/{COMMIT}/jobs/my%20f.py",
     "https://github.com/a/b.git"),
    ("git@gitlab.example.org:a/b.git", f"https://gitlab.example.org/a/b/-/blob/{COMMIT}/jobs/my%20f.py",
     "git@gitlab.example.org:a/b.git"),
    ("ssh://git@bitbucket.org/a/b", f"https://bitbucket.org/a/b/src/{COMMIT}/jobs/my%20f.py",
     "ssh://git@bitbucket.org/a/b"),
    ("https://git.example.org/a/b/", "https://git.example.org/a/b", "https://git.example.org/a/b/"),
    ("/srv/git/b.git", "file:///srv/git/b", "/srv/git/b.git"),
])  # fmt: skip
def test_a_remote(tmp_path: Path, address: str, url: str, repository: str) -> None:
    """A host whose form is known gives the address of the file, any other the repository; never a password."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(f"{COMMIT}\n")
    (tmp_path / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {address}\n')
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "my f.py").touch()
    run = ReportedRun("1", "", "p", "f", "my f:f", tmp_path / "jobs", "", "")
    assert locate_source(run) == (url, repository, "jobs/my f.py", COMMIT)


def test_no_remote(tmp_path: Path) -> None:
    """A folder without a checkout, and a checkout without a remote or with a relative one, have no location."""
    run = ReportedRun("1", "", "p", "f", "main:f", tmp_path, "", "")
    assert locate_source(run) is None
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(COMMIT)
    assert locate_source(run) is None
    (tmp_path / ".git" / "config").write_text('[remote "origin"]\n\turl = ../b.git\n')  # means nothing elsewhere
    assert locate_source(run) is None

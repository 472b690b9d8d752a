from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.platform.local.store_folder import prepare_folder, prepare_log_file, read_lines


def read_mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_folder_is_of_its_owner_and_ignored_by_git(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "home")
    assert read_mode(tmp_path / "home") == 0o700
    assert (tmp_path / "home/.gitignore").read_text() == "*\n"


def test_a_folder_of_an_earlier_version_is_closed_to_others(tmp_path: Path) -> None:
    """Its own files are closed too."""
    tmp_path.chmod(0o755)
    (tmp_path / "logs").mkdir(0o755)
    (tmp_path / "ovenbird.db-wal").touch(0o644)
    prepare_folder(tmp_path)
    assert [read_mode(tmp_path / name) for name in ("", "logs", "ovenbird.db-wal")] == [0o700, 0o700, 0o600]


def test_a_folder_with_other_files_stays_open(tmp_path: Path) -> None:
    """Only what belongs to the store is closed to others."""
    tmp_path.chmod(0o755)
    (tmp_path / "logs").mkdir(0o755)
    (tmp_path / "notes.txt").touch(0o644)
    prepare_folder(tmp_path)
    assert [read_mode(tmp_path / name) for name in ("", "logs", "notes.txt")] == [0o755, 0o700, 0o644]


def test_a_log_has_a_folder_for_its_project(tmp_path: Path) -> None:
    path = prepare_log_file(tmp_path, "p", "7")
    assert path == tmp_path / "logs/p/7.log"
    path.write_bytes(b"one\ntw\xff")
    assert list(read_lines(path)) == ["one\n", "tw\N{REPLACEMENT CHARACTER}"]


def test_a_log_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "7.log").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        list(read_lines(tmp_path / "7.log"))

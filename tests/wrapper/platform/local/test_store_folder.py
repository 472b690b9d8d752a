from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.errors import PlatformError
from ovenbird.platform.local.database import open_database
from ovenbird.platform.local.store import LocalStore
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


@pytest.mark.parametrize("name", ["home", "home/below", "loop"])
def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path, name: str) -> None:
    """The folder may be on a disk that is not mounted: it is not made, and the error says where the link leads."""
    (tmp_path / "home").symlink_to(tmp_path / "disk/records")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(PlatformError) as caught:
        LocalStore(tmp_path / name)
    target = "loop" if name == "loop" else str(tmp_path / "disk/records")
    link = tmp_path / name.partition("/")[0]
    assert (
        caught.value.message == f"the local store cannot be used: '{link}' is a link to '{target}', which is not there"
    )
    assert caught.value.hint == "mount the disk that it leads to, or make that folder; `OVENBIRD_HOME` names another"
    assert not (tmp_path / "disk").exists()


def test_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    """It is what people do to keep records on another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "disk")
    open_database(LocalStore(tmp_path / "home").path).close()
    assert (tmp_path / "disk/ovenbird.db").is_file()


def test_a_database_that_is_a_broken_link_is_named(tmp_path: Path) -> None:
    """SQLite would only say that it cannot open the file."""
    (tmp_path / "ovenbird.db").symlink_to(tmp_path / "disk/ovenbird.db")
    with pytest.raises(PlatformError, match=r"ovenbird.db' is a link to .*which is not there"):
        open_database(tmp_path / "ovenbird.db")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """Neither the folder itself nor what it lies in may be a file."""
    (tmp_path / "home").touch()
    for home in (tmp_path / "home", tmp_path / "home/below"):
        with pytest.raises(PlatformError, match="the local store cannot be used") as caught:
            LocalStore(home)
        assert caught.value.hint == "`OVENBIRD_HOME` names a folder, which is made where it is missing"

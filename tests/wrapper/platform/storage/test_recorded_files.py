from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.errors import InputError
from ovenbird.platform.storage import recorded_files


def test_a_url_with_dots_is_not_removed() -> None:
    """An object store takes `..` as it is, or not: either way it is no folder of an entity."""
    with pytest.raises(InputError, match="lie in no store"):
        recorded_files.check_removable("s3://b/p/../artifact/a/1/x", ["s3://b"], ["p", "artifact", "a", "1"])
    recorded_files.check_removable("s3://b/p/artifact/a/1/x", ["s3://b"], ["p", "artifact", "a", "1"])
    with pytest.raises(InputError, match="lie in no store"):
        recorded_files.check_removable("s3://bb/x/y", ["s3://b"], ["p", "artifact", "a", "1"])


def test_names_lie_below_the_folder_of_a_file() -> None:
    """A record of one file has its name after the last slash; a folder ends in one."""
    record = {"key": "k", "spec": {"path": "s3://b/x/a.csv"}, "status": {"files": [{"path": "a.csv"}]}}
    assert recorded_files.list_names(record) == ["a.csv"]
    assert recorded_files.folder_of("s3://b/x/a.csv") == recorded_files.folder_of("s3://b/x/") == "s3://b/x/"
    assert recorded_files.list_names({**record, "status": {}}) == []


@pytest.mark.parametrize("infos", ["a.csv", ["a.csv"], {"path": "a.csv"}])
def test_malformed_files_of_a_record_are_refused(infos: object) -> None:
    """`status.files` is a list of objects, or the record was written by a stranger."""
    with pytest.raises(InputError, match=r"k: `status.files` is "):
        recorded_files.list_names({"key": "k", "spec": {"path": "/x/"}, "status": {"files": infos}})


def test_a_link_in_the_middle_of_a_name_leads_out(tmp_path: Path) -> None:
    """A link at the end of a name is removed itself; one before it would remove what it leads to."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link").symlink_to(tmp_path)
    url = f"{tmp_path}/in/"
    assert recorded_files.check_names(url, ["link"]) == url
    with pytest.raises(InputError, match="outside of"):
        recorded_files.check_names(url, ["link/a"])

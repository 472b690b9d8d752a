"""The methods that the embedded store and the store in a database share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgres import make_store

from ovenbird.errors import PlatformError
from ovenbird.platform.entities.entity import new_record
from ovenbird.platform.keys import parse_key
from ovenbird.platform.table_store import TableStore


@pytest.fixture(params=["local", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TableStore]:
    """An empty store of each kind."""
    store = make_store(request, tmp_path)
    yield store
    store.close()


def test_a_project_is_read_before_it_was_saved(store: TableStore) -> None:
    """It is stored by the first write, and replaced by the next; only a new one may not be there."""
    record = store.read_project("p")
    assert (record["key"], record["spec"]) == ("store://p", {})
    store.write_project({**record, "spec": {"source": "git"}}, new=False)
    store.write_project({**record, "spec": {"source": "s3"}}, new=False)
    assert store.read_project("p")["spec"] == {"source": "s3"}
    with pytest.raises(PlatformError, match="store://p already exists"):
        store.write_project(record, new=True)


def test_a_revision_is_the_latest_with_this_spec(store: TableStore) -> None:
    """An older revision with the spec does not count: the function was changed since."""
    for number in (1, 2):
        store.create(new_record("p", "function", "python", "f", spec={"number": number}))
    revision = store.find_revision("p", "f", "python", {"number": 2})
    assert revision
    assert revision["spec"] == {"number": 2}
    assert store.find_revision("p", "f", "python", {"number": 1}) is None
    assert store.find_revision("p", "g", "python", {"number": 2}) is None


def test_files_go_below_the_folder_of_this_machine_unless_another_is_named(store: TableStore) -> None:
    assert store.files_store("p", {}) == f"{store.home}/files"
    assert store.files_store("p", {"DHCORE_DEFAULT_FILES_STORE": "s3://b"}) == "s3://b"


def test_a_run_is_not_resumed(store: TableStore) -> None:
    with pytest.raises(PlatformError, match="cannot be resumed: its process has ended"):
        store.resume(parse_key("store://p/run/python+run/7"))

from __future__ import annotations

import math
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.service import wait_until

from ovenbird.errors import InputError, PlatformError
from ovenbird.platform import keys
from ovenbird.platform.entities import run
from ovenbird.platform.entities.entity import new_record
from ovenbird.platform.local.store import LocalStore, open_local
from ovenbird.platform.store import format_timestamp


def _add(store: LocalStore, name: str, entity_type: str = "dataitem", kind: str = "table", **status: object) -> str:
    record = new_record("p", entity_type, kind, name)
    record["status"] = {"state": "READY", **status}
    store.create(record)
    return str(record["key"])


def _add_many(home: str) -> list[str]:
    store = LocalStore(home)
    ids = [_add(store, "same") for _ in range(20)]
    store.close()
    return ids


def test_what_is_created_is_read_back(store: LocalStore) -> None:
    record = new_record("p", "model", "sklearn", "m", spec={"path": "s3://b/k", "parameters": {"n": 3}})
    store.create(record)
    assert store.read(keys.parse_key(record["key"])) == {**record, "status": {"state": "CREATED"}}


def test_a_key_without_id_is_the_latest_of_the_name(store: LocalStore) -> None:
    _add(store, "a")
    second = _add(store, "a")
    assert store.read(keys.parse_key("store://p/dataitem/table/a"))["key"] == second


def test_a_version_that_failed_does_not_hide_the_one_before(store: LocalStore) -> None:
    good = _add(store, "a")
    _add(store, "a", state="ERROR")
    assert store.read(keys.parse_key("store://p/dataitem/table/a"))["key"] == good


def test_an_id_is_used_once(store: LocalStore) -> None:
    store.create(new_record("p", "model", "model", "m", identity="v1"))
    with pytest.raises(PlatformError, match="store://p/model/model/m:v1 already exists"):
        store.create(new_record("p", "model", "model", "m", identity="v1"))


def test_updating_what_was_removed_is_an_error(store: LocalStore) -> None:
    record = new_record("p", "model", "model", "m")
    with pytest.raises(PlatformError, match="is not in"):
        store.update(record)


@pytest.mark.parametrize(
    ("key", "message", "hint"),
    [
        ("store://q/dataitem/table/a", "no project 'q'", "p"),
        ("store://p/dataitem/table/b", "no dataitem named 'b'", "a"),
        ("store://p/dataitem/croissant/a", "not of kind 'croissant'", "table"),
        ("store://p/dataitem/table/a:1", "no dataitem with id '1'", "latest"),
        ("store://p/run/python+job:run/1", "no run with id '1'", "runs list --all"),
    ],
)
def test_a_key_that_leads_nowhere_says_where_it_ends(store: LocalStore, key: str, message: str, hint: str) -> None:
    _add(store, "a")
    with pytest.raises(InputError, match=message) as caught:
        store.read(keys.parse_key(key))
    assert hint in caught.value.hint


def test_listings_are_newest_first_and_filtered(store: LocalStore) -> None:
    first, second, third = _add(store, "a"), _add(store, "b"), _add(store, "a", state="ERROR")
    assert [row.key for row in store.list_summaries("dataitem")] == [third, second, first]
    assert [row.key for row in store.list_summaries("dataitem", name="a", state="READY")] == [first]
    assert [row.key for row in store.list_summaries("dataitem", versions=False)] == [third, second]
    assert [row.key for row in store.list_summaries("dataitem", limit=1)] == [third]
    assert store.list_summaries("dataitem", project="other") == []


def test_ids_are_found_by_their_beginning(store: LocalStore) -> None:
    store.create(new_record("p", "model", "model", "m", identity="abc1"))
    store.create(new_record("p", "model", "model", "m", identity="abd1"))
    assert [row.id for row in store.list_summaries("model", identity="abc")] == ["abc1"]


@pytest.mark.slow
def test_processes_that_log_one_name_at_once_all_succeed(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        ids = pool.map(_add_many, [str(tmp_path)] * 4)
    store = LocalStore(tmp_path)
    assert {row.key for row in store.list_summaries("dataitem", name="same")} == {key for each in ids for key in each}
    assert len(store.list_summaries("dataitem")) == 80
    store.close()


def test_an_annotation_is_an_update(store: LocalStore) -> None:
    """Who copies what has changed since a time sees it."""
    key = keys.parse_key(_add(store, "a"))
    (before,) = store.list_summaries("dataitem")
    wait_until(lambda: format_timestamp() > before.updated, lambda: "a millisecond is over")
    store.annotate(key, lambda metadata: metadata.update(labels=["good"]))
    (after,) = store.list_summaries("dataitem")
    assert after.updated > before.updated
    assert after._replace(updated="") == before._replace(updated="")


def test_metrics_are_series_that_grow(store: LocalStore) -> None:
    key = keys.parse_key(_add(store, "m", "model", "model"))
    store.append_metrics(key, {"loss": [3.0, 2.0]}, replace=False, single=False)
    store.append_metrics(key, {"loss": [math.nan, math.inf]}, replace=False, single=False)
    store.append_metrics(key, {"accuracy": [0.5]}, replace=False, single=True)
    store.append_metrics(key, {"accuracy": [0.9]}, replace=True, single=True)
    metrics = store.read(key)["status"]["metrics"]
    assert metrics["accuracy"] == 0.9
    assert metrics["loss"][:2] + metrics["loss"][3:] == [3.0, 2.0, math.inf]
    assert math.isnan(metrics["loss"][2])
    store.append_metrics(key, {"loss": [1.0]}, replace=True, single=False)
    assert store.read(key)["status"]["metrics"]["loss"] == [1.0]


def test_metrics_of_nothing_are_refused(store: LocalStore) -> None:
    with pytest.raises(PlatformError, match="takes no metrics"):
        store.append_metrics(keys.EntityKey("p", "model", "model", "m", "1"), {"a": [1.0]}, replace=False, single=False)


def test_a_run_within_a_program_is_not_stopped(store: LocalStore) -> None:
    """A signal would end the program, as a notebook's kernel; once it has ended there is nothing to stop."""
    run_entity = run.start_run(store, "p", {}, status={"pid": os.getpid(), "launch": {"on": "here"}})
    with pytest.raises(PlatformError, match=f"is a call within process {os.getpid()}"):
        store.stop(keys.parse_key(run_entity.key))
    run_entity.finish("COMPLETED")
    store.stop(keys.parse_key(run_entity.key))


def test_removing_takes_the_metrics_and_the_log_along(store: LocalStore) -> None:
    run_entity = run.start_run(store, "p", {})
    run_entity.log_metric("a", 1)
    log = store.log_file("p", run_entity.id)
    log.write_text("line\n")
    with pytest.raises(PlatformError, match="still running"):
        store.remove(keys.parse_key(run_entity.key))
    run_entity.finish("COMPLETED")
    store.flush_log("p", run_entity.id)
    assert list(store.log_lines("p", run_entity.id)) == ["line\n"]
    store.remove(keys.parse_key(run_entity.key))
    assert not log.exists()
    assert store.read_last_metrics(keys.parse_key(run_entity.key)) == {}
    with pytest.raises(InputError):
        store.log_lines("p", run_entity.id)


def test_a_home_that_moved_still_finds_its_files(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "one")
    key = keys.EntityKey("p", "artifact", "artifact", "a", "1")
    store.create(new_record("p", "artifact", "artifact", "a", identity="1", spec={"path": f"{store.files_root()}/x"}))
    store.close()
    (tmp_path / "one").rename(tmp_path / "two")
    moved = LocalStore(tmp_path / "two")
    assert moved.read(key)["spec"]["path"] == str(tmp_path / "two/files/x")
    moved.close()


def test_the_home_is_chosen_by_the_environment_and_ignored_by_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_local({}).home == tmp_path / ".ovenbird"
    assert open_local({"OVENBIRD_HOME": str(tmp_path / "h")}).home == tmp_path / "h"
    assert (tmp_path / "h/.gitignore").read_text() == "*\n"


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user who may write only where everybody may."""
    if os.getuid():
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_a_home_that_cannot_be_written_has_a_spare(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In an image, a run of a source on a read-only mount is recorded elsewhere, with a message."""
    with tempfile.TemporaryDirectory() as name:
        source, spare = Path(name, "source"), Path(name, "spare")
        source.mkdir()
        spare.mkdir()
        for path, mode in ((Path(name), 0o755), (source, 0o555), (spare, 0o777)):
            path.chmod(mode)
        monkeypatch.chdir(source)
        with nobody():
            store = open_local({"OVENBIRD_SPARE_HOME": str(spare / "store")})
            assert store.home == spare / "store"
            store.close()
            with pytest.raises(PlatformError, match="Permission denied"):
                open_local({})
            with pytest.raises(PlatformError, match="Permission denied"):  # what was asked for is not replaced
                open_local({"OVENBIRD_HOME": str(source / "h"), "OVENBIRD_SPARE_HOME": str(spare)})
        assert [record.getMessage() for record in caplog.records if str(source / ".ovenbird") in record.getMessage()]
        source.chmod(0o755)
        assert open_local({"OVENBIRD_SPARE_HOME": str(spare)}).home == source / ".ovenbird"

"""Stores are copied whole, and a second copy finds nothing to do."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from tests.postgres import open_database

from ovenbird.errors import PlatformError
from ovenbird.platform import keys
from ovenbird.platform.entities import run
from ovenbird.platform.local.copied_folder import CopiedFolder
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.postgres.copied_database import CopiedDatabase
from ovenbird.platform.postgres.database_url import parse_database_url
from ovenbird.platform.project.project import Project
from ovenbird.platform.store import EntityStore
from ovenbird.platform.store_copy import CopyResult, StoredEntity, copy_store


def _fill(store: EntityStore) -> tuple[str, str]:
    """Record a project, two versions of an artifact, and a run with metrics and a log; the keys of run and artifact."""
    project = Project(store, "p", {})
    project.set_description("of cities")
    project.save(update=True)
    project.new_artifact("a", path="s3://bucket/one")
    artifact = project.new_artifact("a", path="s3://bucket/two")
    record = run.start_run(store, "p", {}, metadata=run.run_metadata("trial"))
    log = store.log_file("p", record.id)
    assert log is not None
    log.write_text("first\nsecond ü\n")
    record.log_metrics({"loss": [3.0, math.inf], "score": 0.5})
    record.finish("COMPLETED", results={"rows": 3})
    store.flush_log("p", record.id)
    return record.key, artifact.key


def _describe(store: EntityStore, run_key: str) -> dict[str, Any]:
    key = keys.parse_key(run_key)
    return {
        "project": store.read_project("p")["metadata"],
        "rows": {noun: store.list_summaries(noun) for noun in ("artifact", "run")},
        "latest": store.read(keys.parse_key("store://p/artifact/artifact/a"))["spec"],
        "run": store.read(key),
        "log": list(store.log_lines("p", key.id or "")),
    }


@pytest.mark.slow
def test_a_folder_becomes_a_database_and_a_folder_again(database_url: str, tmp_path: Path) -> None:
    """Everything but files and secrets is in the copy, in the same order and with the same times."""
    first, copy = LocalStore(tmp_path / "one"), open_database(database_url, tmp_path)
    key, _ = _fill(first)
    url, counts = parse_database_url(database_url, "the test"), []
    folder, database = CopiedFolder(tmp_path / "one"), CopiedDatabase(url, 5.0)
    assert copy_store(folder, database, counts.append) == CopyResult(4, 0, 0)
    assert counts == [1, 2, 3, 4]
    expected = _describe(first, key)
    assert _describe(copy, key) == expected
    assert expected["run"]["status"]["metrics"] == {"loss": [3.0, math.inf], "score": 0.5}
    assert copy_store(folder, database, counts.append) == CopyResult(0, 4, 0)
    again = CopiedFolder(tmp_path / "two")
    assert copy_store(database, again, counts.append) == CopyResult(4, 0, 0)
    last = LocalStore(tmp_path / "two")
    assert _describe(last, key) == expected
    for store in (folder, database, again, first, copy, last):
        store.close()


@pytest.mark.slow
def test_a_copy_goes_on_where_it_was_interrupted(database_url: str, tmp_path: Path) -> None:
    """What was copied before is whole; a run that goes on is left for later, and an entity that changed is replaced."""
    store = LocalStore(tmp_path / "one")
    key, artifact_key = _fill(store)
    running = run.start_run(store, "p", {})
    folder = CopiedFolder(tmp_path / "one")
    database = CopiedDatabase(parse_database_url(database_url, "the test"), 5.0)

    def interrupt(count: int) -> None:
        if count == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_store(folder, database, interrupt)
    assert copy_store(folder, database, lambda _: None) == CopyResult(2, 2, 1)
    running.finish("COMPLETED")
    artifact = Project(store, "p", {}).get_artifact(artifact_key)
    artifact.spec.path = "s3://bucket/three"
    artifact.save(update=True)
    assert copy_store(folder, database, lambda _: None) == CopyResult(2, 3, 0)
    copy = open_database(database_url, tmp_path)
    assert copy.read(keys.parse_key(artifact_key))["spec"]["path"] == "s3://bucket/three"
    assert [row.id for row in copy.list_summaries("run")] == [running.id, keys.parse_key(key).id]
    for each in (store, folder, database, copy):
        each.close()


def test_what_happens_amid_a_copy_comes_with_the_next(tmp_path: Path) -> None:
    """A run that begins is left for later, as it would have no owner; tags that change make an entity newer."""
    store = LocalStore(tmp_path / "one")
    key = keys.parse_key(Project(store, "p", {}).new_artifact("a", path="s3://bucket/one").key)
    source, target = CopiedFolder(tmp_path / "one"), CopiedFolder(tmp_path / "two")
    begun: list[run.Run] = []
    assert copy_store(source, target, lambda _: begun.append(run.start_run(store, "p", {}))) == CopyResult(1, 0, 1)
    copy = LocalStore(tmp_path / "two")
    assert copy.list_summaries("run") == []
    begun[0].finish("COMPLETED")
    store.annotate(key, lambda metadata: metadata.update(labels=["good"]))
    assert copy_store(source, target, lambda _: None) == CopyResult(2, 0, 0)
    assert copy.read(key)["metadata"]["labels"] == ["good"]
    assert copy.list_summaries("run")[0].state == "COMPLETED"
    for each in (store, source, target, copy):
        each.close()


def test_an_entity_that_does_not_arrive_is_an_error(tmp_path: Path) -> None:
    """The count is checked at the end: what somebody has removed meanwhile is missing."""

    class Forgetful(CopiedFolder):
        def import_entity(self, entity: StoredEntity) -> None:
            """Store nothing."""

    store = LocalStore(tmp_path / "one")
    Project(store, "p", {}).new_artifact("a", path="s3://bucket/one")
    source, target = CopiedFolder(tmp_path / "one"), Forgetful(tmp_path / "two")
    with pytest.raises(PlatformError, match="1 of 1 entities are not in"):
        copy_store(source, target, lambda _: None)
    for each in (store, source, target):
        each.close()

"""Names, tags and notes of runs: given at their start, and by `ovenbird runs tag`."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.jobs import Jobs

from ovenbird.commands.records.record_verbs import main
from ovenbird.errors import InputError, OvenbirdError
from ovenbird.platform.entities.run import run_metadata, start_run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


def test_a_run_is_named_tagged_and_noted(jobs: Jobs) -> None:
    """Flags and variables set name, tags and note; the run is found by its name, and its record has them all."""
    flags = ("--name", "deep-1", "--tag", "stage=dev", "--tag", "keep", "--note", "twice as deep")
    job = jobs.run("def handler(run): return run.metadata.name\n", *flags, OVENBIRD_TAG='{"by": "me"}')
    assert (job.code, job.out) == (0, "deep-1\n"), job.err
    record = jobs.read_entity("runs", "deep-1")
    assert (record["id"], record["metadata"]["name"]) == (job.result["id"], "deep-1")
    assert record["metadata"]["labels"] == ["by=me", "stage=dev", "keep"]
    assert record["metadata"]["description"] == "twice as deep"
    (row,) = jobs.list_runs()
    assert (row["name"], row["tags"], row["note"]) == (
        "deep-1", {"by": "me", "stage": "dev", "keep": ""}, "twice as deep",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("flag", "message"),
    [("--name=latest", "not `latest`"), ("--name=a b", "1 to 200 letters"), ("--tag==x", "KEY=VALUE, or a word")],
)
def test_what_is_no_name_or_tag(jobs: Jobs, flag: str, message: str) -> None:
    """Exit 70, and nothing is run."""
    jobs.write("def handler(): print('ran')\n")
    process = jobs.start_ovenbird("run", "main.py", flag)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, message in err) == (70, "", True)


def test_tags_are_added_replaced_and_removed(record_run: Callable[..., str], run_verb: Callable[..., str]) -> None:
    """`runs tag` prints the run's name, tags and note; the rest of the record is unchanged."""
    identity = record_run({"n": 1}, {"a": 2}, {"loss": 0.5}, tags={"stage": "dev", "old": ""})
    result = json.loads(run_verb("runs", "tag", identity[:10], "stage=prod", "best", "--remove", "old", "--name", "x1"))
    assert result == {"id": identity, "name": "x1", "tags": {"stage": "prod", "best": ""}, "note": ""}
    assert json.loads(run_verb("runs", "tag", "x1", "--note", "so good"))["note"] == "so good"
    record = json.loads(run_verb("runs", "show", "x1"))
    assert (record["status"]["results"], record["status"]["metrics"]) == ({"a": 2}, {"loss": 0.5})
    assert json.loads(run_verb("runs", "tag", "x1", "--name", "", "--note", ""))["name"] == ""
    with pytest.raises(OvenbirdError, match="no run 'x1'"):
        main(["runs", "show", "x1"])
    with pytest.raises(InputError, match=r"has no tag 'old' \(it has: stage, best\)"):
        main(["runs", "tag", identity, "--remove", "old"])


def test_a_run_that_goes_on_keeps_its_tags(store: LocalStore, run_verb: Callable[..., str]) -> None:
    """Fields that another process sets meanwhile survive the run's own writes, and the run's own fields win."""
    other = LocalStore(store.home)
    run = start_run(other, "p", {}, metadata=run_metadata(note="at the start", tags={"a": "1"}))
    run_verb("runs", "tag", run.id, "b=2", "--note", "later")
    Project(other, "p", {}, run=run).log_artifact("made", data=b"x")
    run.save(update=True)
    run.metadata.name = "own"
    run.finish("COMPLETED")
    other.close()
    metadata = json.loads(run_verb("runs", "show", "own"))["metadata"]
    assert (metadata["labels"], metadata["description"], metadata["name"]) == (["a=1", "b=2"], "later", "own")


def test_latest_and_earlier_runs(record_run: Callable[..., str], run_verb: Callable[..., str]) -> None:
    """`latest` is the newest run, `latest~1` the one before; of two runs of one name the newest is meant."""
    ids = [record_run(name="same"), record_run(name="same"), record_run()]
    record_run(state="ERROR", status={"called": False})
    result = [json.loads(run_verb("runs", "show", text))["id"] for text in ("latest", "latest~1", "latest~2", "same")]
    assert result == [ids[2], ids[1], ids[0], ids[1]]
    assert json.loads(run_verb("runs", "show", "latest", "--project", "p"))["id"] == ids[2]
    for words in (("latest~3",), ("latest", "--project", "q")):
        with pytest.raises(InputError, match="there is no run 'latest"):
            main(["runs", "show", *words])

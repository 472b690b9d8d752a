"""Core as a store: entities, listings, metrics, files and runs, by the objects that user code has in hand."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.core.server import Double
from tests.stores import Server, send_reply

from ovenbird.errors import InputError, OutputError, PlatformError, SettingsError
from ovenbird.platform import keys, lineage, queries
from ovenbird.platform.core.store import DigitalHubStore
from ovenbird.platform.entities.entity import new_record
from ovenbird.platform.entities.run import start_run
from ovenbird.platform.project.project import Project
from ovenbird.platform.store import EntityStore


@pytest.fixture
def store(platform: dict[str, str]) -> Iterator[DigitalHubStore]:
    core_store = DigitalHubStore(platform, 1.0)
    checked: EntityStore = core_store
    yield core_store
    checked.close()


@pytest.fixture
def project(store: DigitalHubStore, platform: dict[str, str]) -> Project:
    return Project(store, "p", platform)


@pytest.mark.slow
def test_an_output_takes_two_calls(core: Double, project: Project, tmp_path: Path) -> None:
    """CREATED before the upload, READY after; a table has schema and preview."""
    import pandas

    states = []
    core.faults.add("do", 9, path="dataitems", work=lambda: states.append(core.calls[-1]))
    table = project.log_table("t", data=pandas.DataFrame({"a": [1, 2]}))
    assert [(method, body["status"]["state"]) for method, _, body in states] == [("POST", "CREATED"), ("PUT", "READY")]
    entity = core.entities.one("p", "dataitem", table.id)
    assert entity["spec"]["path"] == f"s3://outputs/p/dataitem/t/{table.id}/t.parquet"
    assert entity["spec"]["schema"] == {"fields": [{"name": "a", "type": "integer"}]}
    assert entity["status"]["preview"]["rows"] == 2
    assert project.get_dataitem("t").as_df()["a"].tolist() == [1, 2]
    assert project.get_dataitem(table.key).key == table.key


@pytest.mark.slow
def test_what_takes_long_is_announced(core: Double, project: Project, tmp_path: Path) -> None:
    """A large upload has the state UPLOADING meanwhile."""
    big = tmp_path / "big.bin"
    with big.open("wb") as file:
        file.truncate(33 * 1024 * 1024)
    project.log_artifact("big", source=str(big))
    states = [body["status"]["state"] for _, path, body in core.calls if path.startswith("artifacts")]
    assert states == ["CREATED", "UPLOADING", "READY"]


@pytest.mark.slow
def test_many_files(core: Double, project: Project, tmp_path: Path) -> None:
    """More than a hundred files go to an address of their own, and are found there again."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(101):
        (folder / f"{number:03}").write_text(str(number))
    artifact = project.log_artifact("many", source=str(folder))
    assert core.entities.one("p", "artifact", artifact.id)["status"]["files"] == []
    artifact = project.get_artifact("many")
    assert [info["path"] for info in artifact.status.files] == [f"{number:03}" for number in range(101)]
    assert len(artifact.as_file()) == 101


def test_the_files_store(core: Double, store: DigitalHubStore, platform: dict[str, str]) -> None:
    """The project's configuration wins over the environment; without both, storing a file is an error."""
    core.entities.projects["p"]["spec"]["config"] = {"default_files_store": "s3://outputs/configured"}
    artifact = Project(store, "p", platform).log_artifact("a", data=b"x")
    assert artifact.spec.path.startswith("s3://outputs/configured/p/artifact/a/")
    core.entities.add_project({"name": "bare"})
    none = {**platform, "DHCORE_DEFAULT_FILES_STORE": "", "S3_BUCKET": ""}
    with pytest.raises(SettingsError, match="does not say where its files go"):
        Project(DigitalHubStore(none, 1.0), "bare", none).log_artifact("a", data=b"x")
    bucket = none | {"S3_BUCKET": "outputs"}
    artifact = Project(DigitalHubStore(bucket, 1.0), "bare", bucket).log_artifact("a", data=b"x")
    assert artifact.spec.path.startswith("s3://outputs/bare/")


def test_a_project_that_is_not_there(store: DigitalHubStore) -> None:
    """The error names the project, and no project is created."""
    with pytest.raises(PlatformError, match="no project 'typo'"):
        store.open("typo")
    with pytest.raises(InputError, match="no project 'typo'"):
        store.list_summaries("artifact", project="typo")


@pytest.mark.slow
def test_an_entity_whose_answer_was_lost(core: Double, project: Project) -> None:
    """The call is made again; that Core has the entity already is then no error. Another's id is one."""
    core.faults.add("lose", 1, method="POST")
    artifact = project.log_artifact("a", data=b"x")
    assert core.counts() == {"POST artifacts": 2, "PUT artifacts/{id}": 1, "GET projects/{id}": 1}
    with pytest.raises(PlatformError, match="already exists"):
        project.new_artifact("b", path="s3://x/y", uuid=artifact.id)


def test_latest_is_the_latest_that_is_whole(core: Double, project: Project) -> None:
    """A version whose upload failed does not hide the one before it."""
    first = project.log_artifact("a", data=b"1")
    second = project.log_artifact("a", data=b"2")
    assert project.get_artifact("a").id == second.id
    core.entities.one("p", "artifact", second.id)["status"]["state"] = "ERROR"
    assert project.get_artifact("a").id == first.id
    assert project.get_artifact(second.key).id == second.id


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("store://p/artifact/artifact/nope", "no artifact named 'nope' in project 'p' .*there are: a"),
        ("store://p/artifact/artifact/a:0", "no artifact with id '0'"),
        ("store://p/model/model/m", "no model named 'm'.*there is no model at all"),
        ("store://p/artifact/other/a", "no artifact named 'a'"),
    ],
)
def test_missing_entities_are_reported(
    core: Double, project: Project, store: DigitalHubStore, key: str, message: str
) -> None:
    project.log_artifact("a", data=b"1")
    with pytest.raises(InputError, match=message):
        store.read(keys.parse_key(key))


def test_a_key_that_mixes_two_entities(core: Double, project: Project, store: DigitalHubStore) -> None:
    """An entity of another name or kind is not returned for the id in a key."""
    artifact = project.log_artifact("a", data=b"1")
    for wrong in (f"store://p/artifact/artifact/b:{artifact.id}", f"store://p/artifact/report/a:{artifact.id}"):
        with pytest.raises(InputError, match=r"not of"):
            store.read(keys.parse_key(wrong))


def test_listings_go_through_all_pages(core: Double, project: Project, store: DigitalHubStore) -> None:
    """Newest first, latest of each name or all versions, with a limit, by the beginning of an id."""
    for number in range(230):
        core.entities.create("p", "artifact", {"kind": "artifact", "name": f"a{number % 115}", "spec": {"path": "x"}})
    rows = store.list_summaries("artifact", project="p")
    assert (len(rows), rows[0].name, rows[-1].name) == (230, "a114", "a0")
    assert len(store.list_summaries("artifact", project="p", versions=False)) == 115
    core.calls.clear()
    assert len(store.list_summaries("artifact", project="p", limit=5)) == 5
    assert len(core.calls) == 1
    assert store.list_summaries("artifact", project="p", identity=rows[7].id[:9])[0].id == rows[7].id
    assert queries.locate_entity(store, "artifact", rows[7].id, "p").id == rows[7].id
    with pytest.raises(SettingsError, match="one project at a time"):
        store.list_summaries("artifact")


def test_a_listing_is_of_the_project_in_the_environment(core: Double, platform: dict[str, str]) -> None:
    """`PROJECT_NAME` stands for `--project`, as in the pods of the platform."""
    core.entities.create("p", "artifact", {"kind": "artifact", "name": "a", "spec": {"path": "x"}})
    store = DigitalHubStore({**platform, "PROJECT_NAME": "p"}, 1.0)
    assert [row.name for row in store.list_summaries("artifact")] == ["a"]
    store.close()


def test_metrics(core: Double, project: Project, store: DigitalHubStore, caplog: pytest.LogCaptureFixture) -> None:
    """Series grow, single numbers are replaced, what is not finite is left out, and all are read back."""
    model = project.log_model("m", source=__file__)
    model.log_metrics({"accuracy": 0.5, "loss": [3, 2]})
    model.log_metric("loss", 1)
    model.log_metric("loss", math.nan)
    assert "finite" in caplog.text
    model.refresh()
    assert core.entities.metrics[model.id] == {"accuracy": 0.5, "loss": [3.0, 2.0, 1.0]}
    other = Project(DigitalHubStore(core.environ(), 1.0), "p", core.environ()).get_model("m")
    assert other.status.metrics == {"accuracy": 0.5, "loss": [3.0, 2.0, 1.0]}
    other.log_metric("loss", 0.5)
    other.log_metric("accuracy", 0.6, overwrite=True)
    other.refresh()
    assert core.entities.metrics[model.id] == {"accuracy": [0.6], "loss": [3.0, 2.0, 1.0, 0.5]}
    with pytest.raises(PlatformError, match="runs and models only"):
        project.log_artifact("a", data=b"x").log_metric("n", 1)


@pytest.mark.slow
def test_metrics_of_a_loop_are_few_calls(core: Double, project: Project, store: DigitalHubStore) -> None:
    """A thousand steps do not wait for Core each; what is held back is written soon, in order, without being asked."""
    model = project.log_model("m", source=__file__)
    core.calls.clear()
    for step in range(1000):
        model.log_metric("loss", step)
    assert core.counts()["PUT models/{id}/metrics/loss"] <= 3
    end = time.monotonic() + 10
    while len(core.entities.metrics[model.id].get("loss", ())) < 1000:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert core.entities.metrics[model.id]["loss"] == [float(step) for step in range(1000)]


def test_a_run_goes_through_its_states(core: Double, project: Project, store: DigitalHubStore) -> None:
    """A run is in Core once its function is known; fields that others write meanwhile stay."""
    run = start_run(store, "p", {}, spec={"parameters": {"n": 1}})
    assert core.entities.all("p", "run") == []
    function = project.register_function("f", {"source": {"source": "s3://x/y.py", "handler": "y:f"}})
    run.spec.function = function.key
    run.relate("run_of", function.key)
    run.save(update=True)
    assert core.run("p", run.id)["status"]["state"] == "RUNNING"
    core.set_state("p", run.id, "RUNNING", note="another writer's")
    run.consume("store://p/dataitem/table/t:1")
    assert run.finish("COMPLETED", results={"a": 1}) == "COMPLETED"
    record = core.run("p", run.id)
    assert (record["status"]["note"], record["status"]["results"]) == ("another writer's", {"a": 1})
    assert [link["type"] for link in record["metadata"]["relationships"]] == ["run_of", "consumes"]
    puts = [body["status"]["state"] for method, path, body in core.calls if (method, path) == ("PUT", "runs/{id}")]
    assert puts == ["BUILT", "READY", "RUNNING", "COMPLETED"]


def test_a_run_that_ended_otherwise_stays_so(core: Double, project: Project, store: DigitalHubStore) -> None:
    """A state that is final, and its message, are not written over; what the run made is added."""
    run = start_run(store, "p", {})
    run.spec.function = project.register_function("f", {"source": {"handler": "y:f"}}).key
    run.save(update=True)
    core.set_state("p", run.id, "STOPPED", message="stopped by ann")
    assert run.finish("ERROR", message="killed", results={"a": 1}) == "STOPPED"
    assert core.run("p", run.id)["status"]["message"] == "stopped by ann"
    assert core.run("p", run.id)["status"]["results"] == {"a": 1}
    core.entities.delete("p", "run", run.id)
    with pytest.raises(PlatformError, match="is not in Core"):
        run.finish("ERROR")


def test_a_run_without_function_is_refused(store: DigitalHubStore) -> None:
    run = start_run(store, "p", {})
    with pytest.raises(PlatformError, match="its function could not be loaded"):
        run.finish("ERROR")


def test_a_function_is_registered_once(core: Double, project: Project) -> None:
    """Core may add what it likes to the spec; another handler is another revision."""
    spec = {"source": {"source": "git+https://h/r", "handler": "m:f", "root": "/x", "digest": "sha256:0"}}
    first = project.register_function("f", spec)
    core.entities.one("p", "function", first.id)["spec"]["image"] = "built"
    assert project.register_function("f", spec).id == first.id
    assert project.register_function("f", {"source": {**spec["source"], "handler": "m:g"}}).id != first.id


@pytest.mark.slow
def test_removing(core: Double, project: Project, store: DigitalHubStore) -> None:
    """A version goes with its files; a run that has not ended stays; an answer that was lost is no error."""
    artifact = project.log_artifact("a", data=b"x")
    core.faults.add("lose", 1, method="DELETE")
    assert queries.remove_entities(store, keys.parse_key(artifact.key), store.storage_environ({})) == [artifact.key]
    assert core.entities.all("p", "artifact") == []
    run = core.entities.create("p", "run", {"kind": keys.RUN_KIND, "spec": {"local_execution": True}})
    run["status"]["state"] = "RUNNING"
    with pytest.raises(PlatformError, match="still running"):
        store.remove(keys.run_key("p", run["id"]))
    run["status"]["state"] = "ERROR"
    store.remove(keys.run_key("p", run["id"]))


def test_logs(core: Double, store: DigitalHubStore) -> None:
    """Log lines that the cluster collected are decoded; an unknown run is an error."""
    run = core.entities.create("p", "run", {"kind": keys.RUN_KIND, "spec": {"a": 1}})
    core.entities.logs[run["id"]] = ["one\ntwo\n", "drei"]
    assert list(store.log_lines("p", run["id"])) == ["one", "two", "drei"]
    with pytest.raises(InputError, match="no log of the run '0'"):
        store.log_lines("p", "0")


def test_lineage_of_entities_of_other_clients(core: Double, project: Project, store: DigitalHubStore) -> None:
    """Relations to types that are not known here, and to what was removed, do not stop the tree."""
    artifact = project.log_artifact("a", data=b"x")
    links = [{"type": "produced_by", "dest": "store://p/workflow/kfp/w:1"}, {"type": "consumes", "dest": "odd"}]
    core.entities.one("p", "artifact", artifact.id)["metadata"]["relationships"] = links
    tree = lineage.trace_lineage(store, artifact.key)
    assert [source["missing"] for source in tree["sources"]] == [True, True]


@pytest.mark.slow
def test_records_that_core_refuses_stay_on_disk(
    core: Double, store: DigitalHubStore, platform: dict[str, str], tmp_path: Path
) -> None:
    """The files of an output that Core does not take are in the rescue folder; without one the error is the store's."""
    core.faults.add("status", 99, path="artifacts", status=500)
    project = Project(store, "p", platform, rescue=tmp_path / "kept")
    with pytest.raises(OutputError, match=r"500.*its files are kept in .*/kept/a/a"):
        project.log_artifact("a", data=b"x")
    assert (tmp_path / "kept/a/a").read_bytes() == b"x"
    (tmp_path / "mine").write_text("m")
    with pytest.raises(OutputError, match=f"its files are kept in {tmp_path}/mine"):
        project.log_artifact("b", source=str(tmp_path / "mine"))
    with pytest.raises(PlatformError, match="500"):
        Project(store, "p", platform).log_artifact("a", data=b"x")


def test_credentials_of_files_that_expire(core: Double, platform: dict[str, str], server: Server) -> None:
    """An upload that is denied is made again with what a refresh of the token brings."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        good = request.headers.get("x-amz-security-token") == "session-new"
        body = b"" if good else b"<Error><Code>ExpiredToken</Code></Error>"
        send_reply(request, body, 200 if good else 403, ETag='"e"')

    server.answer = answer
    core.auth.granted = {
        "aws_access_key_id": "AKIDNEW",
        "aws_secret_access_key": "n",
        "aws_session_token": "session-new",
    }
    tokens = {"DHCORE_ACCESS_TOKEN": core.auth.issue(), "DHCORE_REFRESH_TOKEN": core.auth.issue_refresh()}
    environ = {**platform, **tokens, "AWS_ENDPOINT_URL": server.url, "AWS_SESSION_TOKEN": "session-old"}
    artifact = Project(DigitalHubStore(environ, 1.0), "p", environ).log_artifact("a", data=b"x")
    assert core.entities.one("p", "artifact", artifact.id)["status"]["state"] == "READY"
    assert core.counts()["POST /auth/token"] == 1


def test_updating_what_was_removed(core: Double, project: Project) -> None:
    artifact = project.log_artifact("a", data=b"x")
    core.entities.delete("p", "artifact", artifact.id)
    with pytest.raises(PlatformError, match="it was removed meanwhile"):
        artifact.save(update=True)


def test_names_are_quoted_in_addresses(core: Double, project: Project) -> None:
    """A name may hold what an address gives a meaning to."""
    artifact = project.log_artifact("a+b", data=b"x")
    assert project.get_artifact("a+b").id == artifact.id
    assert new_record("p", "artifact", "artifact", "a+b=c")["name"] == "a+b=c"

"""Unexpected answers of a real Core, and how they are handled."""

from __future__ import annotations

import configparser
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.core.server import Double

from ovenbird.errors import InputError, OutputError, PlatformAuthError, PlatformError, PlatformResponseError
from ovenbird.platform import keys, lineage, queries
from ovenbird.platform.core import serialization
from ovenbird.platform.core.rest_client import RestClient, explain_refusal
from ovenbird.platform.core.store import DigitalHubStore
from ovenbird.platform.entities.run import Run, start_run
from ovenbird.platform.project.project import Project

_CONVERSATIONS = Path(__file__).parents[2] / "core" / "conversations.jsonl"


@pytest.fixture
def store(platform: dict[str, str]) -> Iterator[DigitalHubStore]:
    store = DigitalHubStore(platform, 1.0)
    yield store
    store.close()


@pytest.fixture
def project(store: DigitalHubStore, platform: dict[str, str]) -> Project:
    return Project(store, "p", platform)


def start_run_on_core(store: DigitalHubStore, project: Project) -> Run:
    """A run of here that is RUNNING in Core."""
    function = project.register_function("f", {"source": {"handler": "f:handler"}})
    run = start_run(store, "p", {}, function=function.key)
    run.save(update=True)
    return run


def states(core: Double) -> list[str]:
    """The states that a client has asked for by PUT, of runs."""
    return [body["status"]["state"] for method, path, body in core.calls if (method, path) == ("PUT", "runs/{id}")]


def test_a_run_that_is_stopped_goes_by_stop(core: Double, store: DigitalHubStore, project: Project) -> None:
    """Core knows no way from RUNNING to STOPPED but STOP, and says 200 to the wrong one."""
    run = start_run_on_core(store, project)
    assert run.finish("STOPPED", message="stopped by SIGTERM", results={"a": 1}) == "STOPPED"
    status = core.run("p", run.id)["status"]
    assert (status["state"], status["message"], status["results"]) == ("STOPPED", "stopped by SIGTERM", {"a": 1})
    assert states(core) == ["BUILT", "READY", "RUNNING", "STOP", "STOPPED"]


@pytest.mark.parametrize(
    ("finish_state", "state"), [("COMPLETED", "STOPPED"), ("STOPPED", "STOPPED"), ("ERROR", "ERROR")]
)
def test_a_run_that_core_is_stopping(
    core: Double, store: DigitalHubStore, project: Project, finish_state: str, state: str
) -> None:
    """It ends as STOPPED with its outputs; a run that failed by itself is ERROR."""
    run = start_run_on_core(store, project)
    core.answer("POST", f"/api/v1/-/p/runs/{run.id}/stop", {}, None)
    assert core.run("p", run.id)["status"]["state"] == "STOP"
    assert [row.id for row in store.list_summaries("run", project="p", state="STOP")] == [run.id]
    assert run.finish(finish_state, results={"a": 1}) == state
    status = core.run("p", run.id)["status"]
    assert (status["state"], status["results"]) == (state, {"a": 1})


def test_an_error_that_somebody_else_has_set_stays(core: Double, store: DigitalHubStore, project: Project) -> None:
    run = start_run_on_core(store, project)
    core.set_state("p", run.id, "ERROR", message="by an administrator")
    assert run.finish("COMPLETED", results={"a": 1}) == "ERROR"
    status = core.run("p", run.id)["status"]
    assert (status["message"], status["results"]) == ("by an administrator", {"a": 1})


@pytest.mark.slow
def test_files_that_core_repeats_on_every_page(core: Double, project: Project, tmp_path: Path) -> None:
    """Each of 110 files is read once, and all are removed before their entry is."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(110):
        (folder / f"f{number:03}").write_text(str(number))
    logged = project.log_artifact("many", source=str(folder))
    artifact = project.get_artifact("many")
    assert [info["path"] for info in artifact.status.files] == [f"f{number:03}" for number in range(110)]
    copies = artifact.as_file()
    assert sorted(Path(copy).name for copy in copies) == [f"f{number:03}" for number in range(110)]
    store, environ = project._store, project._environ
    assert queries.remove_entities(store, keys.parse_key(logged.key), environ) == [logged.key]
    assert core.entities.all("p", "artifact") == []


@pytest.mark.slow
def test_files_that_cannot_be_removed_keep_their_entry(core: Double, project: Project) -> None:
    """The error has the files, and the entry stays, so that the removal can be repeated."""
    artifact = project.log_artifact("a", data=b"x")
    closed = {**project._environ, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    with pytest.raises(OutputError, match=rf"cannot be removed: s3://outputs/p/artifact/a/{artifact.id}/a"):
        queries.remove_entities(project._store, keys.parse_key(artifact.key), closed)
    assert len(core.entities.all("p", "artifact")) == 1


def test_a_task_that_another_run_has_just_created(core: Double, store: DigitalHubStore, project: Project) -> None:
    """A function has one task of each kind: the task that the other run created is used."""
    function = project.register_function("f", {"source": {"handler": "f:handler"}})
    text = serialization.format_function(function.key)

    def make() -> None:
        core.entities.create("p", "task", {"id": "theirs", "kind": "python+job", "spec": {"function": text}})

    core.faults.add("then", 1, method="GET", path="/tasks", work=make)
    run = start_run(store, "p", {}, function=function.key)
    run.save(update=True)
    assert core.run("p", run.id)["spec"]["task"] == "python+job://p/theirs"


def test_first_runs_at_once(core: Double, platform: dict[str, str]) -> None:
    """Six first runs of one function are all recorded, with one task for each revision."""
    failed: list[BaseException] = []
    barrier = threading.Barrier(6)

    def run_one() -> None:
        try:
            store = DigitalHubStore(platform, 5.0)
            project = Project(store, "p", platform)
            barrier.wait(20)
            assert start_run_on_core(store, project).finish("COMPLETED") == "COMPLETED"
            store.close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run_one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert [run["status"]["state"] for run in core.entities.all("p", "run")] == ["COMPLETED"] * 6


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("3.10", "PYTHON3_10"),
        ("3.13", "PYTHON3_13"),
        ("3.14", "PYTHON3_13"),
        ("3.15", "PYTHON3_13"),
        ("4.0", "PYTHON3_13"),
    ],
)
def test_a_python_that_core_does_not_know(core: Double, version: str, name: str) -> None:
    """A newer one is registered as the newest that Core knows, which it takes."""
    spec = serialization.to_function_spec({"source": {"handler": "f:handler"}}, version)
    assert spec["python_version"] == name
    body = {"project": "p", "kind": "python", "name": "f", "spec": spec}
    RestClient(core.environ(), 1.0).call("POST", "/-/p/functions", body=body)


def test_a_name_whose_newest_version_is_another(core: Double, store: DigitalHubStore) -> None:
    """The newest match by kind and state is returned, although Core picks the newest version before it filters."""
    for identity, kind, state in (("1", "table", "READY"), ("2", "dataitem", "READY"), ("3", "table", "CREATED")):
        core.entities.create("p", "dataitem", {
            "id": identity, "kind": kind, "name": "two", "spec": {"path": "s3://b/x"}, "status": {"state": state},
        })  # fmt: skip
    for kind, identity in (("table", "1"), ("dataitem", "2"), ("", "2")):
        assert store.read(keys.EntityKey("p", "dataitem", kind, "two"))["id"] == identity
    for filters, identity in (({"kind": "table"}, "3"), ({"state": "READY"}, "2"), ({"kind": "dataitem"}, "2")):
        rows = store.list_summaries("dataitem", project="p", versions=False, **filters)
        assert [row.id for row in rows] == [identity]


@pytest.mark.parametrize("entity_type", ["run", "dataitem", "function"])
def test_a_listing_of_a_project_that_is_not_there(core: Double, store: DigitalHubStore, entity_type: str) -> None:
    """A missing project is an error; a project without entities has an empty list, and Core is asked for it once."""
    with pytest.raises(InputError, match="has no project 'nope'"):
        store.list_summaries(entity_type, project="nope")
    core.calls.clear()
    assert store.list_summaries(entity_type, project="p") == store.list_summaries(entity_type, project="p") == []
    assert core.counts()["GET projects/{id}"] == 1


def test_the_version_that_core_has_named(core: Double, store: DigitalHubStore, project: Project) -> None:
    """Core's own name of a version outlives the second write of an entity and of a run."""
    artifact = project.log_artifact("a", data=b"x")
    version = core.entities.one("p", "artifact", artifact.id)["metadata"]["version"]
    assert version != artifact.id
    artifact.metadata.description = "changed"
    artifact.save(update=True)
    assert core.entities.one("p", "artifact", artifact.id)["metadata"]["version"] == version
    run = start_run_on_core(store, project)
    version = core.run("p", run.id)["metadata"]["version"]
    run.finish("COMPLETED")
    assert core.run("p", run.id)["metadata"]["version"] == version


def test_the_image_of_a_remote_run_in_its_lineage(core: Double, store: DigitalHubStore, project: Project) -> None:
    """A container image is no entity that could have been removed."""
    artifact = project.log_artifact("a", data=b"x")
    image = "store://p/containerimage/image/f:1"
    links = [{"type": "consumes", "dest": image}]
    core.entities.one("p", "artifact", artifact.id)["metadata"]["relationships"] = links
    tree = lineage.trace_lineage(store, artifact.key)
    for form in ("text", "json", "dot", "mermaid"):
        rendered = lineage.render_lineage(tree, form)
        assert image in rendered
        assert "removed" not in rendered
        assert "missing" not in rendered


# ---- names and refusals


@pytest.mark.parametrize("name", ["a@b", "a,b", "a=b"])
def test_names_that_core_refuses(core: Double, store: DigitalHubStore, project: Project, name: str) -> None:
    """They are refused before a call to Core, with the rule for names."""
    core.calls.clear()
    with pytest.raises(InputError, match=r"Core takes letters, digits and \. _ \+ - only"):
        project.log_artifact(name, data=b"x")
    assert not [call for call in core.calls if call[0] == "POST"]
    with pytest.raises(InputError, match=r"lower-case letters, digits and - only"):
        store.open("My_P")


def test_a_refusal_without_the_names_of_java(core: Double) -> None:
    """The message of each recorded refusal has only the field and the rule."""
    lines = [json.loads(line) for line in _CONVERSATIONS.read_text("utf-8").splitlines()]
    texts = [
        line["answer"]["message"]
        for line in lines
        if line.get("status") == 400 and isinstance(line["answer"], dict) and "message" in line["answer"]
    ]
    messages = [explain_refusal(" ".join(text.split())) for text in texts]
    assert [
        text for text in messages if "smartcommunitylabdhub" in text or "springframework" in text or "java" in text
    ] == []
    assert 'name: must match "^[a-zA-Z0-9._+-]+$" (found a@b)' in messages
    assert "path: must not be blank (found null)" in messages
    assert "project: must not be null (found null)" in messages
    assert any(text.startswith('python_version: "PYTHON3_14" is none of PYTHON3_11') for text in messages)
    with pytest.raises(PlatformResponseError, match=r"POST .*: name: must match .* \(found a@b\)"):
        RestClient(core.environ(), 1.0).call("POST", "/-/p/artifacts", body={"project": "p", "name": "a@b"})


# ---- signing in


def _file(path: Path, **values: str) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    parser["__default"] = values
    with path.open("w") as file:
        parser.write(file)
    return str(path)


def authorized_client(core: Double, **environ: str) -> RestClient:
    client = RestClient({**core.environ(), **environ}, 1.0)
    assert client.call("GET", "/projects/p")["name"] == "p"
    return client


_GOOD = {"dhcore_user": "admin", "dhcore_password": "s3cret-password"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"DHCORE_USER": "admin", "DHCORE_PASSWORD": "wrong"},
        {"DHCORE_ACCESS_TOKEN": "at-bad"},
        {"DHCORE_ACCESS_TOKEN": "at-bad", "DHCORE_REFRESH_TOKEN": "rt-bad"},
        {"DHCORE_REFRESH_TOKEN": "rt-bad"},
        {"DHCORE_PERSONAL_ACCESS_TOKEN": "pat-bad"},
    ],
    ids=["nothing", "password", "access", "access-refresh", "refresh", "personal"],
)
def test_the_file_is_tried_next(core: Double, tmp_path: Path, environ: dict[str, str]) -> None:
    """Whatever is wrong in the environment, the file's user and password are used, and nothing is sent twice."""
    core.auth.mode = "basic"
    client = authorized_client(core, **environ, DH_CONFIG=_file(tmp_path / "core.ini", **_GOOD))
    assert client.tokens.make_header().startswith("Basic ")
    assert core.counts()["GET projects/{id}"] <= 2


def test_a_refresh_token_alone(core: Double, tmp_path: Path) -> None:
    """It is used at once, from the environment and from the file, and the file gets the new token."""
    core.auth.mode = "bearer"
    authorized_client(core, DHCORE_REFRESH_TOKEN=core.auth.issue_refresh())
    assert core.counts() == {"POST /auth/token": 1, "GET projects/{id}": 1}
    path = _file(tmp_path / "core.ini", dhcore_refresh_token=core.auth.issue_refresh())
    authorized_client(core, DH_CONFIG=path)
    assert "dhcore_access_token" in Path(path).read_text()
    authorized_client(core, DH_CONFIG=path)


def test_a_refused_token_stays_secret(core: Double, tmp_path: Path) -> None:
    """With nothing right anywhere the error names no secret, of neither place."""
    core.auth.mode = "basic"
    path = _file(tmp_path / "core.ini", dhcore_user="admin", dhcore_password="pw-file")
    with pytest.raises(PlatformAuthError) as caught:
        authorized_client(core, DHCORE_ACCESS_TOKEN="at-bad", DHCORE_REFRESH_TOKEN="rt-bad", DH_CONFIG=path)
    assert "credentials are valid" not in str(caught.value)
    assert [secret for secret in ("at-bad", "rt-bad", "pw-file") if secret in str(caught.value)] == []


def test_a_valid_token_that_may_not(core: Double) -> None:
    """403 for a token that Core knows is no failed sign-in: nothing else is tried."""
    core.auth.mode = "bearer"
    core.faults.add("status", 9, path="/projects", status=403)
    with pytest.raises(PlatformAuthError, match="the credentials are valid, and do not allow this"):
        authorized_client(core, DHCORE_ACCESS_TOKEN=core.auth.issue())
    assert core.counts() == {"GET projects/{id}": 1}


# ---- metrics, and what does not fit


@pytest.mark.slow
def test_metrics_do_not_wait_for_core(core: Double, store: DigitalHubStore, project: Project) -> None:
    """While Core does not answer, numbers are logged all the same; they are there at the end, in order."""
    run = start_run_on_core(store, project)
    requested, release, waited = threading.Event(), threading.Event(), list[bool]()

    def hang() -> None:
        requested.set()
        waited.append(release.wait(50))

    core.faults.add("do", 1, method="PUT", path="metrics", work=hang)
    run.log_metric("loss", 0)
    assert requested.wait(30)
    for step in range(1, 2000):
        run.log_metric("loss", step)
    assert waited == []  # Core has not answered yet: nothing has waited for it
    release.set()
    assert run.finish("COMPLETED") == "COMPLETED"
    assert core.entities.metrics[run.id] == {"loss": [float(step) for step in range(2000)]}


@pytest.mark.slow
def test_a_series_that_core_does_not_take(core: Double, store: DigitalHubStore, project: Project) -> None:
    """Its database ends at 64 KiB, with a 500 that does not pass: the others are written, this one is given back."""
    core.entities.embedded = True
    run = start_run_on_core(store, project)
    run.log_metric("small", 1)
    for step in range(5000):
        run.log_metric("long", step + 0.123456789)
    unsent = store.flush_metrics()
    assert list(unsent) == [run.key]
    assert list(unsent[run.key]) == ["long"]
    assert len(unsent[run.key]["long"]) == 5000
    assert core.entities.metrics[run.id]["small"] == [1.0]
    assert store.flush_metrics() == {}


@pytest.mark.slow
def test_a_500_that_stays_is_tried_three_times(core: Double) -> None:
    """A patience of a minute is not spent on it."""
    core.faults.add("status", 99, status=500)
    with pytest.raises(PlatformError, match="500"):
        RestClient(core.environ(), 60.0).call("GET", "/projects/p")
    assert len(core.calls) == 3


@pytest.mark.parametrize(("name", "stored_name"), [("train/loss", "train.loss"), ("a\\b", "a.b"), ("x%2Fy", "x.2Fy")])
def test_metric_names_that_its_web_server_refuses(
    core: Double,
    store: DigitalHubStore,
    project: Project,
    caplog: pytest.LogCaptureFixture,
    name: str,
    stored_name: str,
) -> None:
    """Refused characters are sent as a dot, with one warning."""
    run = start_run_on_core(store, project)
    for step in range(3):
        run.log_metric(name, step)
    run.finish("COMPLETED")
    assert core.entities.metrics[run.id] == {stored_name: [0.0, 1.0, 2.0]}
    assert caplog.text.count("is called") == 1


def test_a_forked_child_logs_metrics(core: Double, jobs: Any, platform: dict[str, str]) -> None:
    """A process that user code forks has no thread of its own: what it logs is written before the call returns."""
    source = """
    import os
    def handler(run):
        run.log_metric("before", 1)
        child = os.fork()
        if not child:
            run.log_metric("child", 2)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    """
    job = jobs.run(source, "--project", "p", **platform)
    assert job.code == 0, job.err
    (run,) = core.entities.all("p", "run")
    assert run["status"]["results"] == {"output_0": 0}
    assert core.entities.metrics[run["id"]] == {"before": [1.0], "child": [2.0]}

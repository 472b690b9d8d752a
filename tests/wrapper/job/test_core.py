"""`ovenbird run` with DigitalHub Core as the store: what it leaves behind there, and what becomes of faults."""

from __future__ import annotations

import base64
import json
import signal
import textwrap
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from tests.core.server import Double
from tests.jobs import FinishedRun, Jobs
from tests.service import Service
from tests.stores import Server, send_reply

from ovenbird.platform.storage import files

_JOB = """
import pandas
from ovenbird import handler

@handler(outputs=["table", "total", "settings"])
def handler(a: int, b: int = 2):
    return pandas.DataFrame({"n": [a, b]}), a + b, {"a": a}
"""


def remote(core: Double, text: str, kind: str = "python+job:run", **spec: Any) -> str:
    """Have Core start a run of the source `text`, and wait until its pod would be up; the run's id."""
    code = base64.b64encode(textwrap.dedent(text).encode()).decode()
    function = core.entities.create("p", "function", {
        "name": "f", "kind": "python", "spec": {"source": {"base64": code, "handler": "handler", "lang": "python"}},
    })  # fmt: skip
    called = f"python://p/f:{function['id']}"
    task = core.entities.create("p", "task", {"kind": "python+job", "spec": {"function": called}})
    task_text = f"python+job://p/{task['id']}"
    run = {
        "kind": kind, "project": "p", "metadata": {"relationships": [{"type": "run_of", "dest": function["key"]}]},
        "spec": {"function": called, "task": task_text, "local_execution": False, **spec},
    }  # fmt: skip
    identity: str = core.answer("POST", "/api/v1/-/p/runs", {}, run)["id"]
    core.settle("p", identity)
    core.calls.clear()
    return identity


def pod(jobs: Jobs, platform: dict[str, str], identity: str, *flags: str, **environ: str) -> FinishedRun:
    """Run the command of a run's pod and return the finished job."""
    result = jobs.folder / f"result-{identity}.json"
    environ = {**platform, "RUN_ID": identity, "PROJECT_NAME": "p", "OVENBIRD_PLATFORM_PATIENCE": "1s", **environ}
    process = jobs.start_ovenbird("run", "--result-file", str(result), *flags, **environ)
    out, err = process.communicate(timeout=60)
    return FinishedRun(process.returncode, out, err, result)


@pytest.mark.slow
def test_a_local_run(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """Without RUN_ID the run is made, with its function and task, goes through its states and ends COMPLETED."""
    job = jobs.run(_JOB, "--param", "a=40", "--project", "p", **platform)
    assert job.code == 0, job.err
    (run,) = core.entities.all("p", "run")
    (function,) = core.entities.all("p", "function")
    (task,) = core.entities.all("p", "task")
    assert (run["status"]["state"], run["status"]["results"]) == ("COMPLETED", {"total": 42})
    assert run["spec"]["local_execution"] is True
    assert run["spec"]["function"] == task["spec"]["function"] == f"python://p/main:{function['id']}"
    assert run["spec"]["task"] == f"python+job://p/{task['id']}"
    assert function["spec"]["source"]["handler"] == "main:handler"
    assert base64.b64decode(function["spec"]["source"]["base64"]).decode() == textwrap.dedent(_JOB)
    assert {"type": "run_of", "dest": function["key"]} in run["metadata"]["relationships"]
    assert sorted(run["status"]["outputs"]) == ["settings", "table"]
    for key in run["status"]["outputs"].values():
        entity = core.entities.one("p", key.split("/")[3], key.rpartition(":")[2])
        assert entity["status"]["state"] == "READY"
        assert entity["metadata"]["relationships"] == [{"type": "produced_by", "dest": run["key"]}]
        assert files.list_files(entity["spec"]["path"].rpartition("/")[0] + "/", platform) != []
    assert core.entities.violations == []


@pytest.mark.slow
def test_a_second_run_takes_function_and_task_as_they_are(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """Two runs of one source share a revision and its task; a changed source makes another."""
    for source in ("def handler(): pass\n", "def handler(): pass\n", "def handler(): return 1\n"):
        assert jobs.run(source, "--project", "p", **platform).code == 0
    assert len(core.entities.all("p", "function")) == len(core.entities.all("p", "task")) == 2
    assert len(core.entities.all("p", "run")) == 3


@pytest.mark.slow
def test_a_remote_run(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """With RUN_ID the run is read from Core; outputs, results and lineage are sent, and Core sets the state."""
    identity = remote(core, _JOB, parameters={"a": 40})
    job = pod(jobs, platform, identity)
    assert (job.code, job.result["state"]) == (0, "COMPLETED"), job.err
    run = core.run("p", identity)
    assert (run["status"]["state"], run["status"]["results"]) == ("RUNNING", {"total": 42})
    assert sorted(run["status"]["outputs"]) == ["settings", "table"]
    assert run["status"]["k8s"] == {"pod": f"r-{identity[:8]}"}
    assert [entry["status"] for entry in run["status"]["transitions"]] == ["BUILT", "READY", "PENDING", "RUNNING"]
    assert core.entities.violations == []
    counts = core.counts()
    assert counts == {
        "GET projects/{id}": 1, "GET runs/{id}": 2, "GET runs/{id}/metrics": 1, "PUT runs/{id}": 1,
        "POST dataitems": 1, "PUT dataitems/{id}": 1, "POST artifacts": 1, "PUT artifacts/{id}": 1,
    }  # fmt: skip


@pytest.mark.slow
def test_inputs_are_consumed(core: Double, jobs: Jobs, platform: dict[str, str], tmp_path: Path) -> None:
    """An input is read from S3, by key; the run consumes it. One of another project, or kind, is exit 78."""
    producer = pod(jobs, platform, remote(core, _JOB, parameters={"a": 1}))
    key = producer.result["outputs"]["table"]
    source = "import pandas\ndef handler(t: pandas.DataFrame): return int(t['n'].sum())\n"
    identity = remote(core, source, inputs={"t": key})
    job = pod(jobs, platform, identity)
    assert job.result["results"] == {"output_0": 3}, job.err
    assert {"type": "consumes", "dest": key} in core.run("p", identity)["metadata"]["relationships"]
    for wrong, message in (
        (key.replace("store://p", "store://q"), "belongs to the project 'q'"),
        (key.replace("/table/", "/croissant/"), "is not of kind 'croissant'"),
        (key.replace("/dataitem/", "/secret/"), "is a secret, not an input"),
        (key.replace("/dataitem/", "/workflow/"), "the type is 'workflow'"),
        (key[:-4] + "0000", "no dataitem with id"),
    ):
        identity = remote(core, source, inputs={"t": wrong})
        job = pod(jobs, platform, identity)
        assert (job.code, job.result["state"]) == (78, "ERROR")
        assert message in core.run("p", identity)["status"]["message"]


def test_the_true_message(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """The handler's exception is the run's message, with its traceback; metrics of the run are stored."""
    source = "def handler(run):\n    run.log_metric('loss', [2, 1])\n    raise ValueError('no such column: age')\n"
    identity = remote(core, source)
    job = pod(jobs, platform, identity)
    assert job.code == 74
    status = core.run("p", identity)["status"]
    assert (status["state"], status["message"]) == ("RUNNING", "ValueError: no such column: age")
    assert "line 3" in status["error"]["traceback"]
    assert core.entities.metrics[identity] == {"loss": [2.0, 1.0]}


@pytest.mark.slow
def test_a_run_that_is_stopped_meanwhile(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """Its state stays STOPPED, its outputs are recorded, the exit status is 143; one stopped before is not begun."""
    identity = remote(core, "def handler(): return 1\n")
    core.faults.add("do", path=f"runs/{identity}/metrics", work=lambda: core.set_state("p", identity, "STOPPED"))
    job = pod(jobs, platform, identity)
    assert (job.code, job.result["state"]) == (143, "STOPPED"), job.err
    assert core.run("p", identity)["status"]["state"] == "STOPPED"
    assert core.run("p", identity)["status"]["results"] == {"output_0": 1}
    core.calls.clear()
    assert pod(jobs, platform, identity).code == 143
    assert "PUT runs/{id}" not in core.counts()


@pytest.mark.slow
def test_a_run_that_cannot_be_run(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """An unknown run, a run of another kind and a missing source are errors; nothing else changes."""
    job = pod(jobs, platform, "nothing-like-it")
    assert job.code == 76
    assert "`RUN_ID` and `PROJECT_NAME`" in job.err
    job = pod(jobs, platform, remote(core, "def handler(): pass\n", kind="dbt+transform:run"))
    assert (job.code, "dbt+transform:run" in job.err) == (76, True)
    for source, message in (("git+ssh://git@h/r#main", "cannot be fetched"), ("src/b.py", "no b.py in")):
        job = pod(jobs, platform, remote(core, "x", source={"source": source, "handler": "b:fn"}))
        assert (job.code, message in job.error["message"]) == (72, True)
    assert pod(jobs, platform, remote(core, "x"), PROJECT_NAME="absent").code == 76


def test_the_source_that_the_platform_has_fetched(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """A source that is remote lies in the working folder, or in --source, where the platform has put it."""
    (jobs.folder / "pkg").mkdir()
    jobs.write("def fn(n): return n * 2\n", "pkg/mod.py")
    identity = remote(
        core, "x", source={"source": "git+https://h/r#main", "handler": "pkg.mod:fn"}, parameters={"n": 4}
    )
    assert pod(jobs, platform, identity).result["results"] == {"output_0": 8}


@pytest.mark.slow
def test_core_is_down_at_the_start(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """Nothing is run, the exit status is 76, and the message says which address does not answer."""
    identity = remote(core, "print('ran')\ndef handler(): pass\n")
    core.down()
    job = pod(jobs, platform, identity)
    core.up()
    assert (job.code, job.out) == (76, "")
    assert f"{core.url}/api/v1/-/p/runs/{identity} does not answer" in job.err


@pytest.mark.slow
def test_core_is_down_in_the_middle(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """A short while is waited for; a long one fails the outputs, which stay on disk, and are named."""
    core.faults.add("status", 2, method="POST", path="artifacts", status=503)
    core.faults.add("break", 1, method="PUT", path="artifacts")
    identity = remote(core, "def handler(): return {'a': 1}\n")
    job = pod(jobs, platform, identity, OVENBIRD_PLATFORM_PATIENCE="10s")
    assert job.code == 0, job.err
    core.faults.add("status", 99, path="artifacts", status=503)
    identity = remote(core, "def handler(): return {'a': 1}\n")
    job = pod(jobs, platform, identity)
    assert job.code == 79
    copy = jobs.home / "unsent" / identity / "output_0" / "output_0.json"
    assert json.loads(copy.read_text()) == {"a": 1}
    assert str(copy) in job.err
    assert str(copy) in core.run("p", identity)["status"]["message"]


@pytest.mark.slow
def test_metrics_outlast_a_core_that_is_down(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """A metric that cannot be written does not end the run: it is written when Core is back."""
    source = (
        "def handler(run):\n    for step in range(3):\n        run.log_metric('loss', [step], overwrite=step == 0)\n"
    )
    identity = remote(core, source)
    core.faults.add("status", 4, method="PUT", path="metrics")
    job = pod(jobs, platform, identity)
    assert job.code == 0, job.err
    assert "metrics are held back" in job.err
    assert core.entities.metrics[identity] == {"loss": [0.0, 1.0, 2.0]}


@pytest.mark.slow
def test_core_is_down_at_the_end(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """The exit status is 76; the outputs are in the store, named in the log, and the record stays on disk."""
    identity = remote(core, "def handler(): return {'a': 1}, 5\n")
    core.faults.add("do", method="PUT", path="artifacts", work=lambda: core.faults.add("break", 99, path="runs"))
    job = pod(jobs, platform, identity)
    assert job.code == 76
    (artifact,) = core.entities.all("p", "artifact")
    assert f"outputs stored: {artifact['key']}" in job.err
    record = json.loads((jobs.home / "unsent" / identity / "run.json").read_text())
    assert (record["status"]["state"], record["status"]["results"]) == ("COMPLETED", {"output_1": 5})
    assert job.error["type"] == "platform"


@pytest.mark.slow
def test_files_cannot_be_sent(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """With S3 down the entity is ERROR with the reason, and the file stays on disk."""
    identity = remote(core, "def handler(): return {'a': 1}\n")
    job = pod(jobs, platform, identity, AWS_ENDPOINT_URL="http://127.0.0.1:9", OVENBIRD_OUTPUT_DIR="kept")
    assert job.code == 79
    assert json.loads((jobs.folder / "kept/output_0/output_0.json").read_text()) == {"a": 1}
    (artifact,) = core.entities.all("p", "artifact")
    assert (artifact["status"]["state"], "cannot be reached" in artifact["status"]["message"]) == ("ERROR", True)


@pytest.mark.slow
@pytest.mark.parametrize(("times", "code", "state"), [(2, 0, "READY"), (99, 79, "ERROR")])
def test_an_upload_that_breaks_off(
    core: Double, jobs: Jobs, platform: dict[str, str], server: Server, times: int, code: int, state: str
) -> None:
    """The upload is repeated; when that fails too, the output has failed, and its file stays on disk."""
    breaks = iter(range(times))

    def answer(request: BaseHTTPRequestHandler) -> None:
        if next(breaks, None) is not None:
            request.close_connection = True
            return
        send_reply(request, b"", ETag='"e"')

    server.answer = answer
    identity = remote(core, "def handler(): return {'a': 1}\n")
    job = pod(jobs, platform, identity, AWS_ENDPOINT_URL=server.url)
    assert job.code == code, job.err
    (artifact,) = core.entities.all("p", "artifact")
    assert artifact["status"]["state"] == state
    assert (jobs.home / "unsent" / identity / "output_0" / "output_0.json").exists() == (code != 0)


@pytest.mark.slow
def test_tokens(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """An expired token is refreshed, a revoked token is exit 76; no token is in any log or record."""
    core.auth.mode = "bearer"
    access, refresh = core.auth.issue(), core.auth.issue_refresh()
    signed = {**platform, "DHCORE_ACCESS_TOKEN": access, "DHCORE_REFRESH_TOKEN": refresh}
    identity = remote(core, "def handler(): return {'a': 1}\n")
    core.faults.add("do", method="POST", path="artifacts", work=core.auth.expire)
    job = pod(jobs, signed, identity, OVENBIRD_LOG_LEVEL="debug")
    assert job.code == 0, job.err
    assert core.counts()["POST /auth/token"] == 1
    core.auth.revoke()
    denied = pod(jobs, signed, identity, OVENBIRD_LOG_LEVEL="debug")
    assert (denied.code, "was not accepted" in denied.err) == (76, True)
    for text in (job.err, denied.err, json.dumps(core.run("p", identity)), str(denied.result)):
        assert [token for token in (access, refresh, "at-", "rt-") if token in text] == []


def test_a_token_that_is_revoked_meanwhile(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """The exit status is 76, the record stays on disk, and neither it nor the log holds the token."""
    core.auth.mode = "bearer"
    signed = {**platform, "DHCORE_ACCESS_TOKEN": core.auth.issue(), "DHCORE_REFRESH_TOKEN": core.auth.issue_refresh()}
    identity = remote(core, "def handler(): return 1\n")
    core.faults.add("then", method="GET", path="metrics", work=core.auth.revoke)
    job = pod(jobs, signed, identity)
    assert (job.code, "was not accepted" in job.err) == (76, True)
    unsent = (jobs.home / "unsent" / identity / "run.json").read_text()
    assert json.loads(unsent)["status"]["results"] == {"output_0": 1}
    for text in (job.err, unsent):
        assert [token for token in ("at-", "rt-") if token in text] == []


def test_sigterm_during_the_upload(core: Double, jobs: Jobs, platform: dict[str, str], server: Server) -> None:
    """The upload is given up at once, the entity is ERROR, the run says that it was stopped; exit 143."""
    stuck = threading.Event()
    begun = threading.Event()

    def stall(request: BaseHTTPRequestHandler) -> None:
        begun.set()
        stuck.wait(50)

    server.answer = stall
    identity = remote(core, "def handler(): return {'a': 1}\n")
    environ = {**platform, "AWS_ENDPOINT_URL": server.url, "RUN_ID": identity, "PROJECT_NAME": "p"}
    process = jobs.start_ovenbird("run", **environ)
    assert begun.wait(20)
    process.send_signal(signal.SIGTERM)
    try:
        _, err = process.communicate(timeout=15)
    finally:
        stuck.set()
    assert process.returncode == 143, err
    assert core.entities.all("p", "artifact")[0]["status"]["state"] == "ERROR"
    assert core.run("p", identity)["status"]["message"] == "stopped by SIGTERM"


@pytest.mark.slow
def test_a_service_that_the_platform_has_started(
    core: Double, platform: dict[str, str], serve: Callable[..., Service]
) -> None:
    """`ovenbird serve` takes function and init parameters from the run; `context.project` is the run's."""
    source = """
        def init(context, scale, start=0):
            context.scale, context.start = scale, start

        def handler(context, event):
            return {"value": context.start + context.scale * event.body["n"], "project": context.project.name}
        """
    identity = remote(
        core, source, "python+serve:run", parameters={"scale": 1, "start": 5}, init_parameters={"scale": 3}
    )
    service = serve("", **platform, RUN_ID=identity, PROJECT_NAME="p")
    assert service.post(json={"n": 2}).json() == {"value": 11, "project": "p"}
    assert core.run("p", identity)["status"]["state"] == "RUNNING"
    assert pod_code(platform, serve, RUN_ID=remote(core, "def handler(): pass\n")) == 76


def pod_code(platform: dict[str, str], serve: Callable[..., Service], **environ: str) -> int:
    """The exit status of a service that does not come up."""
    return serve("", ready=False, **platform, **environ, PROJECT_NAME="p").process.wait(20)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["dataitems", "artifacts"])
def test_listings(core: Double, jobs: Jobs, platform: dict[str, str], verb: str) -> None:
    """The listings, `get`, `rm` and `lineage` work with Core as they do with the local store."""
    job = jobs.run(_JOB, "--param", "a=40", "--project", "p", **platform)
    name = {"dataitems": "table", "artifacts": "settings"}[verb]
    (row,) = json.loads(jobs.run_verb(verb, "list", "--project", "p", **platform))
    assert (row["name"], row["key"]) == (name, job.result["outputs"][name])
    record = json.loads(jobs.run_verb(verb, "show", name, "--project", "p", **platform))
    assert record["status"]["files"][0]["hash"].startswith("md5:")
    assert Path(jobs.folder, jobs.run_verb(verb, "get", row["id"], "--project", "p", **platform).strip()).is_file()
    tree = json.loads(jobs.run_verb("lineage", row["key"], "--format", "json", **platform))
    assert tree["sources"][0]["key"] == job.result["key"]
    assert tree["sources"][0]["sources"][0]["type"] == "function"
    assert json.loads(jobs.run_verb("runs", "list", "--project", "p", **platform))[0]["state"] == "COMPLETED"
    jobs.run_verb(verb, "rm", row["id"], "--project", "p", **platform)
    assert json.loads(jobs.run_verb(verb, "list", "--project", "p", **platform)) == []
    assert files.list_files(f"s3://outputs/p/{verb[:-1]}/", platform) == []


def test_a_service_reads_from_core(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """`context.project` is Core's, too: what a job has made is found by name."""
    source = "from ovenbird import handler as named\n@named(outputs=['output_0'])\ndef handler(): return {'a': 1}\n"
    assert jobs.run(source, "--project", "p", **platform).code == 0
    jobs.write("def handler(context): return context.project.get_artifact('output_0').key\n", "reader.py")
    answer = jobs.run_verb("invoke", "reader.py", "--project", "p", **platform)
    assert answer == core.entities.all("p", "artifact")[0]["key"]


@pytest.mark.slow
def test_runs_on_core_are_named_tagged_and_listed(core: Double, jobs: Jobs, platform: dict[str, str]) -> None:
    """Names, tags and notes, the columns of a listing and `latest` work as in the local store."""
    source = "def handler(run, n: int):\n    run.log_metric('loss', [2.0, 1.0 / n])\n    return {'accuracy': n / 4}\n"
    for n in (1, 2):
        flags = ("--param", f"n={n}", "--name", f"try-{n}", "--tag", "stage=dev", "--project", "p")
        assert jobs.run(source, *flags, **platform).code == 0
    options = ("--project", "p", "--platform", "core")
    jobs.run_verb("runs", "tag", "try-1", "best", "--note", "keep it", *options, **platform)
    rows = json.loads(jobs.run_verb("runs", "list", "--where", "stage=dev", *options, **platform))
    assert [
        (row["name"], row["parameters"], row["results"], row["metrics"], row["tags"], row["note"]) for row in rows
    ] == [
        ("try-2", {"n": 2}, {"output_0": {"accuracy": 0.5}}, {"loss": 0.5}, {"stage": "dev"}, ""),
        ("try-1", {"n": 1}, {"output_0": {"accuracy": 0.25}}, {"loss": 1.0}, {"stage": "dev", "best": ""}, "keep it"),
    ]
    latest = json.loads(jobs.run_verb("runs", "show", "latest", *options, **platform))
    assert latest["metadata"]["name"] == "try-2"
    compared = json.loads(jobs.run_verb("runs", "compare", "try-1", "latest", "--json", *options, **platform))
    fields = {field["name"]: (field["values"], field["differs"]) for field in compared["fields"]}
    assert (fields["param.n"], fields["metric.loss"]) == (([1, 2], True), ([1.0, 0.5], True))
    assert fields["code.digest"][1] is False
    assert jobs.run_verb("runs", "show", "try-1", "--plot", *options, **platform).startswith("loss: 1  (2 values")
    again = jobs.run_verb("runs", "rerun", "try-1", "--param", "n=4", "--name", "try-4", *options, **platform)
    assert json.loads(again) == {"accuracy": 1.0}
    assert json.loads(jobs.run_verb("runs", "show", "try-4", *options, **platform))["spec"]["parameters"] == {"n": 4}

"""Native mode: the platform's runs by the processor's command line, without the rendered module and without the SDK."""

from __future__ import annotations

import base64
import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from tests.core.server import Double
from tests.gitserver import GitServer, Repository
from tests.processors import HTTP, Processor, Processors, job

RENDERED = """
def init_context(context):
    print("rendered init")

def handler(context, event):
    return context.Response(body="rendered", content_type="text/plain", status_code=200)
"""
JOB = """
from digitalhub_runtime_python import handler

@handler(outputs=["total", "settings"])
def main(project, run, context, event, a, b=2):
    context.logger.info_with("adding", a=a, project=project.name, run=run.id)
    run.log_metric("sum", a + b)
    return a + b, {"a": a}
"""
SERVICE = """
def init(context, scale, start=0):
    context.scale, context.start = scale, start

def main(context, event, project, run):
    named = event.fields.get("name", "")
    found = context.start + context.scale * (event.body["n"] if event.body else 1)
    return {"value": found, "name": named, "project": project.name, "run": run.id, "same": run is context.run}
"""


class Pods:
    """The pods of runs: what the platform puts into /shared, and the environment that it gives."""

    def __init__(self, core: Double, platform: dict[str, str], processors: Processors) -> None:
        self.core, self.platform, self.processors = core, platform, processors

    def started(self, text: str, kind: str = "job", *, source: dict[str, Any] | None = None, **spec: Any) -> str:
        """Have Core start a run of a function, and wait until its pod would be up; the run's id."""
        entities = self.core.entities
        inline = {"base64": base64.b64encode(textwrap.dedent(text).encode()).decode(), "handler": "main"}
        function_kind = spec.pop("function_kind", "python")
        function = entities.create("p", "function", {
            "name": "f", "kind": function_kind, "spec": {"source": source or inline},
        })  # fmt: skip
        called = f"{function_kind}://p/f:{function['id']}"
        task = entities.create("p", "task", {"kind": f"python+{kind}", "spec": {"function": called}})
        run = {"kind": f"python+{kind}:run", "project": "p", "metadata": {}, "spec": {
            "function": called, "task": f"python+{kind}://p/{task['id']}", "local_execution": False, **spec,
        }}  # fmt: skip
        identity: str = self.core.answer("POST", "/api/v1/-/p/runs", {}, run)["id"]
        self.core.settle("p", identity)
        self.core.calls.clear()
        return identity

    def environ(self, identity: str, **more: str) -> dict[str, str]:
        """Return the variables that the platform sets."""
        arguments = {"RUN_ID": identity, "PROJECT_NAME": "p", "OVENBIRD_PLATFORM_PATIENCE": "1s"}
        return {**self.platform, **arguments, "OVENBIRD_HOME": str(self.processors.folder / "home"), **more}

    def run(self, identity: str, body: Any = "", **environ: str) -> tuple[int, Processor]:
        """The pod of a job; without a body of its own the event holds the run, as the platform has it."""
        body = body or json.dumps(self.core.run("p", identity))
        return self.processors.run(RENDERED, job(body), **self.environ(identity, **environ))

    def serve(self, identity: str, **environ: str) -> Processor:
        """The pod of a service."""
        return self.processors.serve(RENDERED, HTTP, **self.environ(identity, **environ))

    def rendered(self, identity: str, kind: str) -> Processor:
        """The pod of a job or service that the rendered module serves, and serves well."""
        if kind == "job":
            code, result = self.run(identity)
            assert code == 0, result.log
        else:
            result = self.serve(identity)
            assert result.get("/").text == "rendered"
        return result


@pytest.fixture
def pods(core: Double, platform: dict[str, str], shared: Processors) -> Pods:
    return Pods(core, platform, shared)


@pytest.mark.slow
def test_a_job(core: Double, pods: Pods) -> None:
    """The run comes from the event; Core gets its outputs, results, metrics and relations, and sets its state."""
    identity = pods.started(JOB, parameters={"a": 40})
    code, process = pods.run(identity)
    assert code == 0, process.log
    assert "rendered" not in process.log
    run = core.run("p", identity)
    assert (run["status"]["state"], run["status"]["results"]) == ("RUNNING", {"total": 42})
    assert list(run["status"]["outputs"]) == ["settings"]
    assert core.entities.metrics[identity] == {"sum": [42.0]}
    (artifact,) = core.entities.all("p", "artifact")
    assert artifact["metadata"]["relationships"] == [{"type": "produced_by", "dest": run["key"]}]
    assert core.entities.violations == []
    assert core.counts() == {
        "GET runs/{id}": 2, "GET projects/{id}": 1, "POST artifacts": 1, "PUT artifacts/{id}": 1,
        "GET runs/{id}/metrics": 1, "PUT runs/{id}/metrics/sum": 1, "PUT runs/{id}": 1,
    }  # fmt: skip  # its state, to begin; the run, before it is written
    assert '"a":40' in process.log


@pytest.mark.slow
@pytest.mark.parametrize("body", ["", "no JSON", '{"id": "another", "project": "p", "spec": {}}'])
def test_a_job_whose_event_does_not_hold_the_run(core: Double, pods: Pods, body: str) -> None:
    """The run is read from Core."""
    identity = pods.started(JOB, parameters={"a": 1})
    code, process = pods.run(identity, body or "{}")
    assert code == 0, process.log
    assert core.run("p", identity)["status"]["results"] == {"total": 3}


@pytest.mark.parametrize("body", ["", "{}"])
def test_a_job_that_was_stopped_before_it_began(core: Double, pods: Pods, body: str) -> None:
    """Whether its event has the run or not, no user code is run and nothing is written."""
    identity = pods.started("print('imported')\ndef main(): print('called')\n")
    event = body or json.dumps(core.run("p", identity))
    core.set_state("p", identity, "STOPPED")
    code, process = pods.run(identity, event)
    assert (code, process.log.count("was stopped before it began")) == (143, 1), process.log
    assert not any(word in process.log for word in ("imported", "called", "rendered"))
    assert set(core.counts()) <= {"GET runs/{id}", "GET runs/{id}/metrics"}


def test_a_job_that_fails(core: Double, pods: Pods) -> None:
    """The exit status is 1, and the run says what the function raised."""
    identity = pods.started("def main():\n    raise ValueError('no such column: age')\n")
    code, _ = pods.run(identity)
    assert code == 1
    assert core.run("p", identity)["status"]["message"] == "ValueError: no such column: age"


@pytest.mark.slow
def test_core_is_down_at_the_start(core: Double, pods: Pods) -> None:
    """Nothing is run, and the exit status is that of the platform; the rendered module would not get further."""
    identity = pods.started(JOB, parameters={"a": 1})
    body = json.dumps(core.run("p", identity))
    core.down()
    code, process = pods.run(identity, body)
    core.up()
    assert (code, "does not answer" in process.log, "rendered" in process.log) == (76, True, False)


@pytest.mark.slow
def test_a_service(core: Double, pods: Pods) -> None:
    """Init gets the run's parameters; event and context are the processor's; project and run are given by name."""
    identity = pods.started(
        "", "serve", source={"base64": base64.b64encode(SERVICE.encode()).decode(), "handler": "main",
                             "init_function": "init"},
        parameters={"start": 5, "scale": 1}, init_parameters={"scale": 3},
    )  # fmt: skip
    service = pods.serve(identity)
    answer = service.post("/?name=Ada", json={"n": 2})
    assert answer.json() == {"value": 11, "name": "Ada", "project": "p", "run": identity, "same": True}
    assert service.get("/__internal/health").status_code == 200
    assert "rendered" not in service.log
    assert core.run("p", identity)["status"]["state"] == "RUNNING"


@pytest.mark.slow
def test_a_service_without_init(pods: Pods) -> None:
    """Parameters that nothing takes are no error there, and a function called init is not called unless named."""
    identity = pods.started(
        "def init(n): raise ValueError\ndef main(event): return event.method\n", "serve", parameters={"unused": 1}
    )
    assert pods.serve(identity).get("/").text == "GET"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": {"source": "git+ssh://git@h/r#main", "handler": "main:fn"}}, "git over ssh is not supported"),
        ({"function_kind": "hydra"}, "is of kind 'hydra'"),
        ({"source": {"source": "main.py", "handler": "two words"}}, "is not valid"),
    ],
)
@pytest.mark.parametrize("kind", ["job", "serve"])
def test_what_cannot_be_run_natively(core: Double, pods: Pods, change: dict[str, Any], reason: str, kind: str) -> None:
    """The rendered module is used, and one line says why; the run is not touched."""
    identity = pods.started(JOB, kind, **change)
    process = pods.rendered(identity, kind)
    (line,) = (line for line in process.log.splitlines() if "not run natively" in line)
    assert reason in line
    assert "rendered init" in process.log
    assert "PUT runs/{id}" not in core.counts()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["job", "serve"])
def test_a_git_source(core: Double, pods: Pods, gits: GitServer, repository: Repository, kind: str) -> None:
    """It is fetched when it is not mounted, with the task's secrets, which are never printed."""
    commit = repository.commit(
        fn__work_py="from fn.more import N\ndef main(n=0):\n    return n + N\n", fn__more_py="N = 2\n"
    )
    gits.login = ("oauth2", "ghp_s3cret")
    source = {"source": f"git+{gits.url}/app/.git#main", "handler": "fn.work:main"}
    identity = pods.started("", kind, source=source)
    if kind == "job":
        code, process = pods.run(identity, GIT_TOKEN="ghp_s3cret")
        assert code == 0, process.log
        status = core.run("p", identity)["status"]
        assert status["results"] == {"output_0": 2}
        assert status["provenance"]["source"]["revision"] == commit
    else:
        process = pods.serve(identity, GIT_TOKEN="ghp_s3cret")
        assert process.get("/").json() == 2
    assert f"commit {commit}" in process.log
    assert "s3cret" not in process.log + json.dumps(core.run("p", identity)) + json.dumps(core.calls)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fragment", "login", "message"),
    [("#mian", None, "has no branch, tag or commit 'mian'"), ("", ("a", "b"), "its server asks for credentials")],
)
def test_a_git_source_that_cannot_be_had(
    core: Double, pods: Pods, gits: GitServer, repository: Repository, fragment: str, login: Any, message: str
) -> None:
    """The run fails, its message says why, and the rendered module is not tried: it would fetch nothing either."""
    repository.commit(main_py="def main(): pass\n")
    gits.login = login
    identity = pods.started("", source={"source": f"git+{gits.url}/app/.git{fragment}", "handler": "main"})
    code, process = pods.run(identity)
    assert (code, "rendered" in process.log) == (1, False)
    assert message in core.run("p", identity)["status"]["message"]


_WRAPPED = """
def _made():
    def wrapper(*args, **kwargs):
        raise SystemError("called")
    return wrapper

main = _made()
main.__globals__["__name__"] = "digitalhub_runtime_python.later"
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["job", "serve"])
def test_a_decorator_that_is_not_known(pods: Pods, kind: str) -> None:
    """A function of the SDK's that hides the user's in another way than today's is left to the rendered module."""
    identity = pods.started(_WRAPPED, kind)
    process = pods.rendered(identity, kind)
    assert process.log.count("in a way that is not known here") == 1


@pytest.mark.slow
def test_rendered_mode(core: Double, pods: Pods) -> None:
    """OVENBIRD_PLATFORM_MODE=rendered selects the rendered module, without a message or a call to Core."""
    identity = pods.started(JOB, parameters={"a": 1})
    code, process = pods.run(identity, OVENBIRD_PLATFORM_MODE="rendered")
    assert (code, "rendered init" in process.log, "natively" in process.log) == (0, True, False)
    assert core.calls == []


@pytest.mark.slow
def test_a_function_in_the_place_of_the_rendered_module(pods: Pods, shared: Processors) -> None:
    """A source that is called handler.py was overwritten by the rendered module, which therefore is no function."""
    identity = pods.started("", "serve", source={"source": "handler.py", "handler": "handler:handler"})
    process = pods.serve(identity)
    assert process.get("/").text == "rendered"
    assert "is the one that the platform has rendered" in process.log


@pytest.mark.slow
def test_the_source_lies_next_to_the_document(pods: Pods, shared: Processors, tmp_path: Path) -> None:
    """A source that the platform has fetched is found in the document's folder, wherever the process was started."""
    (shared.folder / "src").mkdir()
    (shared.folder / "src" / "main.py").write_text("def fn(n):\n    return n * 2\n")
    identity = pods.started(
        "", source={"source": "git+https://h/r#main", "handler": "src.main:fn"}, parameters={"n": 4}
    )
    code, process = pods.run(identity)
    assert code == 0, process.log
    assert pods.core.run("p", identity)["status"]["results"] == {"output_0": 8}


def test_a_job_imports_nothing_that_serves(pods: Pods) -> None:
    """A job imports nothing that serves HTTP, reads INI files or copies: each module costs a small pod time."""
    source = """
    import sys

    def main():
        heavy = (
            "ovenbird.serve.", "ovenbird.processor.nuclio_adapter", "starlette", "uvicorn", "obstore", "configparser",
        )
        return " ".join(sorted(name for name in sys.modules if name.startswith(heavy))) or "none"
    """
    identity = pods.started(source, parameters={})
    code, pod = pods.run(identity)
    assert code == 0, pod.log
    assert pods.core.run("p", identity)["status"]["results"] == {"output_0": "none"}

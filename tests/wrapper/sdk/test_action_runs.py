"""The actions `serve` and `build`: a service on a free port, with a run that is read, invoked and stopped."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.service import wait_until

import ovenbird as dh
from ovenbird.errors import ArgumentsError, PlatformError, PlatformOnlyError, PlatformUnreachableError
from ovenbird.platform.entities.run import Run
from ovenbird.sdk.action_runs import make_service_settings
from ovenbird.sdk.service_calls import ServiceResponse

pytestmark = pytest.mark.slow

_CODE = """
def init(context, greeting, mark="!"):
    context.greeting, context.mark = greeting, mark

def serve(context, event):
    if event.path == "/fail":
        raise ValueError("a failure")
    body = event.body if isinstance(event.body, (dict, list)) else bytes(event.body or b"").decode()
    return {"said": f"{context.greeting}{context.mark}", "body": body, "method": event.method, "path": event.path,
            "fields": dict(event.fields), "type": event.content_type}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A service that is ready, in a store of the module's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("service"))
        patch.setenv("PORT", "1")  # of the machine, and not for this service
        patch.delenv("DHCORE_ENDPOINT", raising=False)
        dh.get_or_create_project("demo")
        function = dh.new_function("demo", "greet", "python", code=_CODE, handler="serve", init_function="init")
        run = function.run(
            "serve", init_parameters={"greeting": "hello"}, parameters={"greeting": "lost", "mark": "?"}, replicas=2,
            wait=True,
        )  # fmt: skip
        yield run
        run.stop()
        wait_until(lambda: run.refresh().status.state != "RUNNING", lambda: "the service has ended", pause=0.2)


def test_a_service_is_invoked(service: Run) -> None:
    """JSON, text, forms, files and no body; parameters of init from both places, `init_parameters` winning."""
    answer = service.invoke(json={"a": [1]})
    assert (answer.status_code, answer.ok, answer.headers["content-type"]) == (200, True, "application/json")
    assert answer.json() == {
        "said": "hello?", "body": {"a": [1]}, "method": "POST", "path": "/", "fields": {}, "type": "application/json",
    }  # fmt: skip
    cases: list[tuple[dict[str, Any], tuple[str, str]]] = [
        ({}, ("GET", "")), ({"data": "text"}, ("POST", "text")), ({"data": io.BytesIO(b"file")}, ("POST", "file")),
        ({"data": {"a": "1"}}, ("POST", "a=1")), ({"method": "PUT", "data": b"x"}, ("PUT", "x")),
        ({"method": "DELETE"}, ("DELETE", "")),
    ]  # fmt: skip
    for arguments, expected in cases:
        value = service.invoke(**arguments).json()
        assert (value["method"], value["body"]) == expected, arguments
    base = service.status.service["url"]
    value = service.invoke(
        url=f"http://{base}/v1/x?a=1", params={"b": 2}, headers={"Content-Type": "text/plain"}
    ).json()
    assert (value["path"], value["fields"]) == ("/v1/x", {"a": "1", "b": "2"})
    assert service.invoke(url=f"{base}/y").json()["path"] == "/y"


def test_an_error_of_the_service_is_an_answer(service: Run) -> None:
    """As with `requests`: the status says it, and `raise_for_status` raises."""
    answer = service.invoke(url=f"http://{service.status.service['url']}/fail")
    assert (answer.status_code, answer.ok, "error_id" in answer.json()) == (500, False, True)
    with pytest.raises(PlatformError, match="answered 500"):
        answer.raise_for_status()
    hidden = ServiceResponse("http://h/fail?token=hush", 500, {}, b"")
    with pytest.raises(PlatformError, match=r"^http://h/fail\?token=\*\*\* answered 500"):
        hidden.raise_for_status()
    assert "a failure" in str(service.logs()[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "http://example.org/"}, "is not of the service"), ({"jsn": {}}, "has no argument 'jsn'"),
        ({"url": "http://127.0.0.1:1"}, "is not of the service"), ({"json": {1, 2}}, "json is"),
        ({"data": 3}, "data is 3"),
    ],
    ids=["host", "name", "port", "json", "data"],
)  # fmt: skip
def test_a_call_that_cannot_be_made_is_refused(service: Run, arguments: dict[str, Any], message: str) -> None:
    """Addresses of other servers too: the SDK refuses them as well."""
    with pytest.raises(ArgumentsError, match=message):
        service.invoke(**arguments)


def test_the_run_of_a_service_is_recorded(service: Run) -> None:
    """Another process finds it by its key; its fields are in the spec, its log is read; it is no other action's run."""
    again = dh.get_run(service.key)
    assert (again.kind, again.status.state, again.status.service) == (
        "python+serve:run", "RUNNING", service.status.service,
    )  # fmt: skip
    assert (again.spec.replicas, again.spec.init_parameters) == (2, {"greeting": "hello"})
    assert [run.id for run in dh.list_runs("demo", action="serve")] == [service.id]
    assert dh.list_runs("demo", action="job") == []
    assert "is served at http://127.0.0.1:" in str(again.logs()[0])


def test_a_service_that_does_not_start_and_one_that_ends(service: Run) -> None:
    """Its run is an ERROR with the reason; one that was stopped is STOPPED, and takes no calls."""
    function = dh.get_function(service.spec.function)
    failed = function.run("serve", wait=True)
    assert failed.status.state == "ERROR"
    assert "greeting" in failed.status.message
    other = function.run("serve", init_parameters={"greeting": "x"}).wait()
    address = other.status.service["url"]
    other.stop()
    wait_until(lambda: other.refresh().status.state == "STOPPED", lambda: "the service has ended", pause=0.2)
    with pytest.raises(PlatformError, match="has no service: its state is STOPPED"):
        other.invoke()
    other.status.service = {"url": address}  # as somebody holds it who has not read the run again
    with pytest.raises(PlatformUnreachableError, match="does not answer") as caught:
        other.invoke(params={"token": "hush"})
    assert "hush" not in str(caught.value)


def test_a_service_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    """A script that ends, or is killed, leaves no process behind, and the run is STOPPED."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, ovenbird as dh\n"
        "dh.get_or_create_project('demo')\n"
        "function = dh.new_function('demo', 'f', 'python', code='def f(event): return 1', handler='f')\n"
        "run = function.run('serve', wait=True)\n"
        "print(run.key, run.invoke().json(), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("DHCORE", "OVENBIRD_"))}
    process = subprocess.run(
        [sys.executable, script.name],
        check=False,
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    key, value = process.stdout.split()
    assert (process.returncode, value) == (-9, "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        wait_until(lambda: dh.get_run(key).status.state == "STOPPED", lambda: "the service has ended", pause=0.2)


def test_a_run_without_a_service_is_not_invoked(demo: dh.Project) -> None:
    """A job has no address; a service of Core is started by Core."""
    from ovenbird.platform.entities.run import start_run

    with pytest.raises(PlatformError, match="has no service"):
        start_run(demo._store, "demo", {}).invoke(json={})
    assert make_service_settings("demo", {}, {"OVENBIRD_WORKERS": "4", "PORT": "80"}).port == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVENBIRD_PLATFORM", "core")
        with pytest.raises(PlatformOnlyError, match="is started by Core"):
            demo.new_function("f", "python", code="x = 1", handler="f").run("serve")


def test_a_build_that_fails_is_a_run_with_the_reason(demo: dh.Project) -> None:
    """Its log has the error; the image is None, and the function has none."""
    function = demo.new_function(
        "f", "python", python_version="PYTHON3_12", code="def f(): pass", handler="f", base_image="no such image"
    )
    run = function.run("build", instructions=["true"], wait=True)
    assert (run.kind, run.status.state, run.image) == ("python+build:run", "ERROR", None)
    assert run.spec.instructions == ["true"]
    assert run.status.error.message in str(run.logs()[0])
    assert function.refresh().spec.image is None

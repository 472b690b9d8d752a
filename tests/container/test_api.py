"""The Python API with real images: `Function.build`, and runs in the image of a function."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.console.browser import start_site
from tests.engine import Images
from tests.service import wait_until

import ovenbird as ob
from ovenbird.api.image import Image
from ovenbird.errors import ArgumentsError, LoadError, OvenbirdError, RunFailedError, SettingsError, WaitTimeoutError

pytestmark = pytest.mark.timeout(400)
VERSION = "3.11"
SOURCE = """
import os, pathlib

def count(name: str = "x", data: pathlib.Path = pathlib.Path(os.devnull), fail: bool = False):
    print("counting", name)
    if fail:
        raise ValueError("no such name")
    return {"lines": len(data.read_text().splitlines()), "token": os.environ.get("TOKEN", ""), "home": os.getcwd()}
"""

SLOW = """
import os, pathlib, time

def work(name: str = "never", fail: bool = False):
    print("working", os.environ.get("TOKEN"), flush=True)
    if fail:
        raise ValueError("no such name")
    while not pathlib.Path(os.environ["OVENBIRD_HOME"], name).exists():
        print("still working", flush=True)
        time.sleep(0.1)
    return f"{os.environ.get('OVENBIRD_NEW_RUN')} {os.environ.get('OVENBIRD_RESULT_FILE')}"
"""
LEAVING = """
import sys
import ovenbird as ob
function = ob.function("code/main.py:work")
image = function.build(tag="api-left:1", base_image=sys.argv[1], python_version=sys.argv[2])
function.run(on=image, params={"name": "leave"}, wait=False)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, container_env: dict[str, str], build_cache: Path) -> Path:
    """The current folder, with a function."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OVENBIRD_HOME", raising=False)
    monkeypatch.setenv("OVENBIRD_CACHE_DIR", str(build_cache))
    monkeypatch.setenv("OVENBIRD_ENGINE", "podman")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.py").write_text(SOURCE)
    return tmp_path


def test_an_image_is_built_and_run(folder: Path, base_images: Images, capfd: pytest.CaptureFixture[str]) -> None:
    """A build says what it has made and why; a run in the image has the same handle, errors and records as any."""
    function = ob.function("code/main.py:count")
    first = function.build(tag="api-count:1", base_image=base_images[VERSION], python_version=VERSION)
    assert isinstance(first, Image)
    assert first.reference == f"api-count:1@{first.digest}"
    assert "source" in {row.kind for row in first.rebuilt}
    assert first.size > sum(layer.size for layer in first.layers) > 0
    again = function.build(tag="api-count:1", base_image=base_images[VERSION], python_version=VERSION)
    assert (again.digest, again.rebuilt, again.changed) == (first.digest, (), False)
    assert all(layer.is_cached for layer in again.layers)
    (folder / "code" / "main.py").write_text(SOURCE.replace("counting", "counting the lines of"))
    image = function.build(tag="api-count:1", base_image=base_images[VERSION], python_version=VERSION)
    (reason,) = [row.reason for row in image.rebuilt if row.kind == "source"]
    assert "changed: 'main.py'" in reason
    assert repr(image) == f"<Image {image.reference}>"
    shown = image._repr_mimebundle_()["text/plain"]
    assert shown.splitlines()[0] == "Image api-count:1 changed"
    assert reason in " ".join(shown.split())

    (folder / "data.csv").write_text("a\nb\nc\n")
    capfd.readouterr()
    run = function.run(inputs={"data": "data.csv"}, env={"TOKEN": "t"}, on=image, params={"name": "Ada"})
    assert run.value == {"lines": 3, "token": "t", "home": run.value["home"]}
    assert "counting the lines of Ada" in capfd.readouterr().out
    assert "counting the lines of Ada" in run.logs
    assert run.status.provenance.image == image.digest
    with pytest.raises(RunFailedError, match="ValueError: no such name") as caught:
        function.run(fail=True, on=image)
    assert 'raise ValueError("no such name")' in caught.value.cause
    assert function.run(fail=True, on=image, check=False).status.state == "ERROR"
    with pytest.raises(ArgumentsError, match="'nam'"):
        function.run(nam="x", on=image)
    _run_from_the_page(folder)


def test_a_run_in_a_container_goes_on_by_itself(
    folder: Path, base_images: Images, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is returned as soon as it is recorded, followed, waited for and stopped; its container is removed."""
    (folder / "code" / "main.py").write_text(SLOW)
    function = ob.function("code/main.py:work")
    image = function.build(tag="api-slow:1", base_image=base_images[VERSION], python_version=VERSION)
    run = function.run(name="quick", on=image, wait=False, params={"name": "go"}, env={"TOKEN": "t"})
    assert run.state == "RUNNING"
    assert (run.spec.parameters, run.metadata.name) == ({"name": "go"}, "quick")
    with pytest.raises(WaitTimeoutError, match="still RUNNING"):
        run.wait(timeout=0.1)
    (folder / ".ovenbird" / "go").touch()
    assert run.follow() is run
    assert "working t" in capsys.readouterr().out
    assert (run.state, run.value) == ("COMPLETED", "None None")  # its id is none that the function would hand on

    stopped = function.run(on=image, wait=False)
    wait_until(lambda: "working" in stopped.logs, lambda: stopped.logs, pause=0.2)
    stopped.stop()
    assert stopped.wait().state == "STOPPED"
    assert stopped.error is not None
    assert stopped.error.message == "stopped by SIGTERM"
    stopped.stop()  # it has ended
    failed = function.run(fail=True, on=image, wait=False).wait()
    assert (failed.state, failed.error and failed.error.message) == ("ERROR", "ValueError: no such name")
    wait_until(lambda: not list_containers(image.name), lambda: list_containers(image.name), pause=0.2)


def test_a_run_in_a_container_outlives_its_caller(folder: Path, base_images: Images) -> None:
    """The interpreter that has started it ends: the run goes on to its end, and its container is removed."""
    (folder / "code" / "main.py").write_text(SLOW)
    subprocess.run([sys.executable, "-c", LEAVING, base_images[VERSION], VERSION], check=True, timeout=200)
    (run,) = ob.runs()
    assert (run.state, run.status.message) == ("RUNNING", None)
    wait_until(lambda: run.logs.count("still working") > 5, lambda: run.logs, pause=0.2)
    (folder / ".ovenbird" / "leave").touch()
    wait_until(lambda: run.refresh().status.state != "RUNNING", lambda: run.logs, pause=0.2)
    assert (run.status.state, run.status.message) == ("COMPLETED", None)
    wait_until(lambda: not list_containers("api-left:1"), lambda: list_containers("api-left:1"), pause=0.2)


def test_a_container_that_records_nothing(folder: Path, base_images: Images) -> None:
    """What the engine says is in the error."""
    function = ob.function("code/main.py:count")
    image = function.build(tag="api-silent:1", base_image=base_images[VERSION], python_version=VERSION)
    with pytest.raises(OvenbirdError, match=r"the container has recorded no run: process \d+ ended with 1 ") as caught:
        function.run(on=image, wait=False, env={"PYTHONHOME": "/nowhere"})
    assert "/nowhere" in caught.value.cause
    assert list(ob.runs()) == []


def list_containers(image: str) -> list[str]:
    """Return the containers of an image."""
    command = ["podman", "ps", "--all", "--quiet", "--filter", f"ancestor={image}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def _run_from_the_page(folder: Path) -> None:
    """Run the image by the form of the page: a file that is sent, a secret by name; a link leads to the run."""
    form = {"run.target": "code/main.py:count", "name": "Eve", "run.place": "container", "run.image": "api-count:1",
            "run.secrets": "TOKEN"}  # fmt: skip
    with start_site(folder, OVENBIRD_ENGINE="podman", TOKEN="s3cret") as site, site.client() as client:
        task = client.post("/run", data=form, files=[("data", ("a.csv", b"1\n2\n"))]).headers["location"]

        def find_run() -> str:
            text = client.get(task).text
            return text.partition('<a href="/runs/default/')[2].partition('"')[0] if "state-completed" in text else ""

        run = wait_until(find_run, lambda: client.get(task).text, pause=0.2)
        page = client.get(f"/runs/default/{run}").text
    assert "&#34;lines&#34;: 2" in page
    assert "&#34;token&#34;: &#34;s3cret&#34;" in page  # the function has returned it
    assert "counting the lines of Eve" in page
    assert len(list((folder / ".ovenbird" / "ui-uploads").glob("*.runs"))) == 1


def test_an_image_is_built_for_a_run(folder: Path, base_images: Images) -> None:
    """Where no image is named, one is built; a function document names base and image."""
    (folder / "code" / "function.yaml").write_text(
        f"kind: python\nname: api-counter\nspec:\n  python_version: '{VERSION}'\n  base_image: {base_images[VERSION]}\n"
        "  source: {source: main.py, handler: count}\n"
    )
    run = ob.function("code").run(on="container")
    assert (run.status.state, run.value["lines"]) == ("COMPLETED", 0)


def test_what_cannot_be_built(folder: Path) -> None:
    """A wrong option, one that has another name here, a build that fails, a run here that nobody waits for."""
    function = ob.function("code/main.py:count")
    for options, error, text in (
        ({"basse_image": "x"}, OvenbirdError, "a build has no option 'basse_image'"),
        ({"python": "3.11"}, SettingsError, "python= is called python_version= here"),
        ({"python_version": "2.7"}, OvenbirdError, "expected one of 3.10"),
        ({"tag": "UPPER:1:2"}, OvenbirdError, "UPPER:1:2"),
    ):
        with pytest.raises(error, match=text):
            function.build(**options)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="a run in this process ends before"):
        function.run(on="here", wait=False)
    (folder / "code" / "main.py").unlink()
    with pytest.raises(LoadError, match=r"no file .*main\.py"):
        function.build()

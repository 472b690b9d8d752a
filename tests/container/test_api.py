"""The Python API with real images: `Function.build`, and runs in the image of a function."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.console.browser import start_site
from tests.engine import Images
from tests.service import wait_until

import ovenbird as ob
from ovenbird.api.image import Image
from ovenbird.errors import ArgumentsError, LoadError, OvenbirdError, RunFailedError, SettingsError

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
    """A wrong option, one that has another name here, a build that fails, a run that nobody waits for."""
    function = ob.function("code/main.py:count")
    for options, error, text in (
        ({"basse_image": "x"}, OvenbirdError, "a build has no option 'basse_image'"),
        ({"python": "3.11"}, SettingsError, "python= is called python_version= here"),
        ({"python_version": "2.7"}, OvenbirdError, "expected one of 3.10"),
        ({"tag": "UPPER:1:2"}, OvenbirdError, "UPPER:1:2"),
    ):
        with pytest.raises(error, match=text):
            function.build(**options)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="a run in a container is waited for"):
        function.run(on="container", wait=False)
    (folder / "code" / "main.py").unlink()
    with pytest.raises(LoadError, match=r"no file .*main\.py"):
        function.build()

"""Manifests from the result of a build: its functions, each by its digest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import DIGEST, DOCUMENT, Manifests


def make_row(name: str, **more: Any) -> dict[str, Any]:
    """Return a row as `ovenbird build` writes it."""
    function = {"name": name, "target": f"functions/{name}", "path": f"functions/{name}/function.yaml"}
    return {"image": f"r.example/{name}:1", "digest": DIGEST, "outputs": ["registry"], "function": function, **more}


@pytest.fixture
def functions(folder: Path) -> Path:
    for name in ("apple", "pear", "plum"):
        path = folder / "functions" / name
        path.mkdir(parents=True)
        (path / "function.yaml").write_text(DOCUMENT.replace("name: greet", f"name: {name}"))
    return folder


def test_the_result_of_one_function(make: Callable[..., Manifests], functions: Path) -> None:
    """No target and no image need be named: both stand in the result."""
    (functions / "result.json").write_text(json.dumps(make_row("pear")))
    manifests = make("--build-result", "result.json", image="")
    assert manifests.container["image"] == f"r.example/pear:1@{DIGEST}"
    assert manifests["Service"]["metadata"]["name"] == "pear"


def test_the_result_of_many(make: Callable[..., Manifests], refused: Callable[..., str], functions: Path) -> None:
    """One set for each that was built; of the others a note; a target takes one of them."""
    failed = make_row("plum", error={"code": "build.lock.conflict"})
    del failed["digest"]
    rows = [make_row("apple"), failed, make_row("pear", outputs=["store"])]
    (functions / "result.json").write_text(json.dumps({"functions": rows}))
    manifests = make("--build-result", "result.json", image="")
    names = [document["metadata"]["name"] for document in manifests if document["kind"] == "Deployment"]
    assert names == ["apple", "pear"]
    assert "plum was not built (build.lock.conflict), so there are no manifests of it" in manifests.notes
    assert "r.example/pear:1 was not pushed" in manifests.notes
    for target in ("apple", "functions/apple", "functions/apple/", "functions/apple/function.yaml"):
        manifests_of_target = make(target, "--build-result", "result.json", image="")
        assert manifests_of_target["Deployment"]["metadata"]["name"] == "apple"
    assert "`--name` cannot name all of them" in refused("--build-result", "result.json", "--name", "x", image="")
    assert "holds no function 'kiwi'" in refused("kiwi", "--build-result", "result.json", image="")
    assert "holds no function that was built" in refused("plum", "--build-result", "result.json", image="")


def test_two_functions_with_the_same_name_are_refused(refused: Callable[..., str], functions: Path) -> None:
    """One would be written over the other."""
    (functions / "functions/pear/function.yaml").write_text(DOCUMENT.replace("name: greet", "name: apple"))
    (functions / "result.json").write_text(json.dumps({"functions": [make_row("apple"), make_row("pear")]}))
    assert "would both make the Deployment 'apple'" in refused("--build-result", "result.json", image="")


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"functions": {}},
        {"functions": [1]},
        {"function": {}},
        make_row("a", outputs=3),
        make_row("a", digest=4),
        "x",
    ],
    ids=["list", "empty", "mapping", "number", "no name", "outputs", "digest", "text"],
)
def test_an_invalid_build_result_is_reported(document: Any, refused: Callable[..., str], functions: Path) -> None:
    """With the command that writes one."""
    (functions / "result.json").write_text(json.dumps(document))
    message = refused("--build-result", "result.json", image="")
    assert "is not the result of a build" in message
    assert "ovenbird build --result-file" in message


def test_a_bare_file_is_a_target(make: Callable[..., Manifests], refused: Callable[..., str], functions: Path) -> None:
    """As for a build; only a build in the cluster needs a document."""
    (functions / "my_app").mkdir()
    (functions / "my_app" / "main.py").write_text("def handler(): ...\n")
    for target in ("my_app/main.py", "my_app/main.py:handler"):
        manifests = make(target)
        assert manifests.kinds == ["Deployment", "Service"]
        assert manifests.container["args"] == ["serve"]
        assert manifests["Deployment"]["metadata"]["name"].startswith("my-app-")
    message = refused("my_app/main.py", "--tag", "r.example/f:1")
    assert "which the cluster cannot read" in message


def test_a_service_is_the_default(make: Callable[..., Manifests]) -> None:
    """A note says so; an option that only one action has selects it without a note."""
    manifests = make()
    assert manifests.kinds == ["Deployment", "Service"]
    assert "`--action job` makes a Job" in manifests.notes
    for words, kind in (
        (("--input", "a=store://p/dataitem/table/x"), "Job"), (("--ttl", "1h"), "Job"),
        (("--metrics", "monitor"), "ServiceMonitor"),
    ):  # fmt: skip
        others = make(*words)
        assert kind in others.kinds
        assert "makes a Job" not in others.notes

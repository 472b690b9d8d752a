"""`ovenbird manifests` as people run it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from tests import starts

DOCUMENT = """\
kind: python
name: greet
spec:
  source: {handler: "main:greet", source: "git+https://example.com/greet.git#main"}
"""


def run_manifests(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `ovenbird manifests` in a process of its own."""
    (folder / "function.yaml").write_text(DOCUMENT)
    return starts.run("manifests", *words, cwd=folder, env={**os.environ, "OVENBIRD_LOG_FORMAT": "text"})


def test_documents_on_stdout_and_notes_on_stderr(tmp_path: Path) -> None:
    """stdout is YAML alone, for `kubectl apply -f -`; a folder stands for its document."""
    for target in ((), (".",), ("function.yaml",)):
        process = run_manifests(tmp_path, *target, "--image", "greet:1", "--action", "serve")
        assert process.returncode == 0, process.stderr
        assert [document["kind"] for document in yaml.safe_load_all(process.stdout)] == ["Deployment", "Service"]
        assert process.stderr.startswith("note: greet:1 is a tag")


def test_json(tmp_path: Path) -> None:
    """One List."""
    process = run_manifests(tmp_path, "--image", "greet:1", "--action", "job", "--json")
    document = json.loads(process.stdout)
    assert (document["kind"], [item["kind"] for item in document["items"]]) == ("List", ["Job"])


@pytest.mark.parametrize("name", ["function.yaml", "./function.yaml", "main.py", "task.yaml"])
def test_no_source_is_replaced(tmp_path: Path, name: str) -> None:
    """Neither the document, nor other code, nor the file of another flag."""
    (tmp_path / "main.py").write_text("def greet(): ...\n")
    (tmp_path / "task.yaml").write_text("replicas: 2\n")
    before = {path.name: path.read_text() for path in tmp_path.iterdir()} | {"function.yaml": DOCUMENT}
    process = run_manifests(tmp_path, "--image", "a:1", "--action", "serve", "--task", "task.yaml", "--output", name)
    assert (process.returncode, "is not replaced" in process.stderr) == (20, True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_dash_is_stdout(tmp_path: Path) -> None:
    """`--output -` prints what is printed without it, and makes no file."""
    words = ("--image", "greet:1", "--action", "serve")
    assert run_manifests(tmp_path, *words, "--output", "-").stdout == run_manifests(tmp_path, *words).stdout != ""
    assert not (tmp_path / "-").exists()


def test_set_and_output(tmp_path: Path) -> None:
    """Changes are made last, and files are written instead of stdout."""
    process = run_manifests(
        tmp_path, "--image", "greet:1", "--action", "serve", "--output", "out/",
        "--set", "Deployment.spec.template.spec.nodeSelector.disk=ssd", "--set", "Service.spec.ports[0].port=80",
    )  # fmt: skip
    assert process.stdout == ""
    assert "wrote out/deployment-greet.yaml" in process.stderr
    deployment = yaml.safe_load((tmp_path / "out/deployment-greet.yaml").read_text())
    assert deployment["spec"]["template"]["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert yaml.safe_load((tmp_path / "out/service-greet.yaml").read_text())["spec"]["ports"][0]["port"] == 80


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--action", "job"), 20, "`--image` is missing"),
        (("--action", "job", "--image", "A B"), 22, "is not the name of an image"),
        (("--action", "job", "--image", "a", "--name", "A"), 20, "--name: expected lower-case letters"),
        (("--action", "job", "--image", "a", "--namespace", "a.b"), 20, "--namespace: expected lower-case letters"),
        (("--action", "job", "--image", "a", "--secret-name", "A"), 20, "--secret-name: expected"),
        (("--action", "job", "--image", "a", "--cpu", "500x"), 20, "resources.cpu: expected a quantity"),
        (("--action", "job", "--image", "a", "--param", "x"), 20, "--param: expected NAME=VALUE"),
        (("--action", "job", "--image", "a", "--volume", "pvc:x"), 20, "--volume: expected `TYPE:NAME:PATH`"),
        (("--action", "job", "--image", "a", "--ttl", "soon"), 20, "--ttl: expected a duration"),
        (("--action", "job", "--image", "a", "--retries", "-1"), 20, "--retries: expected a whole number"),
        (("--action", "job", "--image", "a", "--set", "x"), 20, "--set: expected `KIND.path=value`"),
        (("--action", "job", "--image", "a", "--output", "function.yaml/x"), 20, "--output: cannot write"),
        (("main.py", "--action", "job", "--image", "a"), 20, "no file 'main.py'"),
        (("nowhere", "--action", "job", "--image", "a"), 20, "'nowhere' is not a target"),
        (("--build-result", "none.json"), 20, "--build-result: cannot read 'none.json'"),
        (("--build-result", "function.yaml"), 20, "is not JSON"),
        (("--build-result", "function.yaml", "--image", "a"), 20, "`--image` and `--build-result` both name the image"),
        (("absent.yaml", "--action", "job", "--image", "a"), 71, "cannot read the function document 'absent.yaml'"),
        (("--action", "teleport"), 70, "invalid choice"),
        (("--replicas", "two"), 70, "invalid int value"),
    ],
)  # fmt: skip
def test_problems_are_reported(tmp_path: Path, words: tuple[str, ...], code: int, message: str) -> None:
    """With the exit status of its kind, and nothing on stdout."""
    process = run_manifests(tmp_path, *words)
    assert (process.returncode, process.stdout) == (code, "")
    assert message in process.stderr
    assert "Traceback" not in process.stderr


def test_a_task_of_another_action(tmp_path: Path) -> None:
    """A contradiction is an error."""
    (tmp_path / "task.yaml").write_text("kind: python+job\nspec: {}\n")
    process = run_manifests(tmp_path, "--image", "a", "--task", "task.yaml", "--action", "serve")
    assert process.returncode == 20
    assert "`--action serve` contradicts `--task` 'task.yaml', a task of job" in process.stderr


def test_help(tmp_path: Path) -> None:
    """Every flag has a line."""
    process = run_manifests(tmp_path, "--help")
    assert process.returncode == 0
    assert "--knative" in process.stdout
    assert "KIND.PATH=VALUE" in process.stdout

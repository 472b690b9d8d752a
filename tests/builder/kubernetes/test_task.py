"""The fields of a task: files of the platform are read, flags win, all problems are reported at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import DOCUMENT, Manifests


def test_a_task_of_the_platform_is_read(make: Callable[..., Manifests]) -> None:
    """Its kind selects the action; other fields of the platform are ignored."""
    task = {
        "kind": "python+job",
        "project": "demo",
        "spec": {"function": "python://demo/greet:1", "local_execution": False, "envs": [{"name": "A", "value": "b"}]},
    }
    manifests = make(task=task)
    assert manifests.kinds == ["Job"]
    assert manifests.env["A"] == "b"
    assert make(task={**task, "kind": "python+job:run"}).kinds == ["Job"]


def test_fields_alone_are_a_task_too(make: Callable[..., Manifests]) -> None:
    """Then `--action` is required."""
    assert make("--action", "serve", task={"replicas": 2})["Deployment"]["spec"]["replicas"] == 2


def test_flags_win_over_the_task_and_that_over_the_document(make: Callable[..., Manifests], folder: Path) -> None:
    """Name by name where a field has names; the document's fields of other actions do not matter."""
    (folder / "function.yaml").write_text(
        DOCUMENT + "  replicas: 7\n  inputs: {x: y}\n  resources: {cpu: 1, mem: 1Gi}\n  parameters: {a: 1}\n"
    )
    task = {
        "resources": {"cpu": "2", "disk": "5Gi"},
        "parameters": {"b": 1, "c": 1},
        "envs": [{"name": "E", "value": "1"}],
    }
    words = ("--cpu", "3", "--param", "c=text", "--env", "E=2", "--env", "F=x=y", "--init", "d=[1]")
    manifests = make("--action", "serve", *words, task=task)
    assert manifests["Deployment"]["spec"]["replicas"] == 7
    assert manifests.container["resources"]["limits"] == {"cpu": "3", "ephemeral-storage": "5Gi"}
    assert manifests.env["OVENBIRD_INIT_PARAMETERS"] == '{"b": 1, "c": "text", "d": [1]}'
    assert (manifests.env["E"], manifests.env["F"]) == ("2", "x=y")
    assert make("--action", "serve").container["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"resorces": {}}, "resorces: not a field of a task; did you mean 'resources'?"),
        ({"node_selector": {}}, "node_selector: not a field of a task; what it says may be said by `--set`"),
        ({"replicas": 2}, "replicas: a field of serve, not of job"),
        ({"instructions": ["x"]}, "instructions: a field of build, not of job"),
        ({"resources": {"cpu": "500x"}}, "resources.cpu: expected a quantity such as 500m or 1, found '500x'"),
        ({"resources": {"mem": 512}}, "resources.mem: expected a quantity of bytes"),
        ({"resources": {"memory": "1Gi"}}, "resources.memory: expected one of `cpu`, `mem`, `gpu`, `disk`"),
        ({"resources": ["cpu"]}, "resources: expected a mapping"),
        ({"resources": {"cpu": True}}, "resources.cpu: expected a quantity"),
        ({"envs": {"A": "b"}}, "envs: expected a list of `{name, value}`"),
        ({"envs": [{"name": "A-B", "value": "x"}]}, "envs[0]: expected the name of a variable, found 'A-B'"),
        ({"envs": [{"name": "A", "value": True}]}, "envs[0] (A): expected the value as text; quote it"),
        ({"envs": [{"name": "A"}, {"name": "A"}]}, "envs[1]: A is given twice"),
        ({"envs": [{"name": "A", "valueFrom": {}}]}, "envs[0]: expected a mapping of `name` and `value`"),
        ({"envs": [{"name": "A"}], "secrets": ["A"]}, "envs, secrets: A is given twice"),
        ({"secrets": ["a b"]}, "secrets[0]: expected `NAME`, `NAME=SECRET` or `NAME=SECRET/KEY`, found 'a b'"),
        ({"secrets": ["A=B_C"]}, "secrets[0]: expected `NAME`"),
        ({"secrets": ["A=b/c d"]}, "secrets[0]: a key of a Secret has letters, digits, dashes, dots and underscores"),
        ({"secrets": ["A=b/c/d"]}, "found 'c/d'"),
        ({"secrets": ["A=b/ä"]}, "found 'ä'"),
        ({"secrets": ["A=b/.."]}, "found '..'"),
        ({"secrets": ["A=b/..x"]}, "found '..x'"),
        ({"secrets": [f"A=b/{'k' * 254}"]}, "at most 253"),
        ({"secrets": ["A=b/"]}, "secrets[0]: expected `NAME`"),
        ({"secrets": "A"}, "secrets: expected a list of names"),
        ({"parameters": [1]}, "parameters: expected a mapping of arguments' names to values"),
        ({"parameters": {"a=b": 1}}, "parameters: expected a mapping of arguments' names to values"),
        ({"inputs": {"a": 1}}, "inputs.a: expected a key or a URL as text"),
        ({"inputs": {"a": "x"}, "parameters": {"a": 1}}, "inputs, parameters: 'a' is given as both"),
        ({"profile": 3}, "profile: expected the name of a profile, found 3"),
        ({"volumes": [{"name": "a", "mount_path": "/a"}]}, "volumes[0].volume_type: expected one of"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_reported(refused: Callable[..., str], fields: dict[str, Any], message: str) -> None:
    """With its name, what was expected, and what was found."""
    assert message in refused(task={"kind": "python+job", "spec": fields})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"volume_type": "config_map"},
            "volumes[0].volume_type: expected one of persistent_volume_claim, shared_volume",
        ),
        ({"name": "A"}, "volumes[0].name: expected lower-case"),
        ({"name": "tmp"}, "volumes[0].name: 'tmp' is a volume of the manifest itself"),
        ({"mount_path": "data"}, "volumes[0].mount_path: expected an absolute path"),
        ({"mount_path": "/a/../b"}, "volumes[0].mount_path: expected an absolute path"),
        ({"mount_path": "/opt/ovenbird/"}, "'/opt/ovenbird/' would hide /opt/ovenbird, which the image needs"),
        ({"spec": {"size": "10x"}}, "volumes[0].spec.size: expected a quantity such as 512Mi or 2Gi, found '10x'"),
        ({"spec": {"sise": "1Gi"}}, "volumes[0].spec.sise: persistent_volume_claim takes claim_name, claimName, size"),
        ({"spec": {"size": 10}}, "volumes[0].spec: expected a mapping of texts"),
        ({"spec": {"claim_name": "A_B"}}, "volumes[0].spec.claim_name: not a name in Kubernetes"),
        ({"volume_type": "ephemeral"}, "volumes[0].spec.size: missing"),
        ({"volume_type": "empty_dir", "spec": {"medium": "ssd"}}, "volumes[0].spec.medium: expected `Memory`"),
        ({"path": "/x"}, "volumes[0].path: not a field of a volume"),
    ],
)
def test_a_wrong_volume_is_reported(refused: Callable[..., str], change: dict[str, Any], message: str) -> None:
    """With its number and its field."""
    volume = {"volume_type": "persistent_volume_claim", "name": "data", "mount_path": "/data", **change}
    assert message in refused(task={"kind": "python+job", "spec": {"volumes": [volume]}})


def test_two_volumes_at_the_same_path_are_refused(refused: Callable[..., str]) -> None:
    """Neither a name nor a path may be used twice."""
    message = refused("--action", "job", "--volume", "pvc:a:/a", "--volume", "empty_dir:a:/a/")
    assert "two are called 'a'" in message
    assert "two lie at '/a'" in message


def test_all_problems_are_reported_at_once(refused: Callable[..., str]) -> None:
    """A file with three mistakes is mended in one go."""
    message = refused(task={"kind": "python+job", "spec": {"a": 1, "replicas": 1, "profile": []}})
    assert all(word in message for word in ("a: not a field", "replicas: a field of serve", "profile: expected"))


def test_a_value_of_a_variable_is_never_shown(refused: Callable[..., str]) -> None:
    """It may be a secret."""
    message = refused(task={"kind": "python+job", "spec": {"envs": [{"name": "A", "value": ["hunter2"]}]}})
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "kind: spark+job\nspec: {}\n",
            "expected `kind` to be `python+job`, `python+serve` or `python+build`, found 'spark+job'",
        ),
        ("kind: spark\n", "expected `kind` to be `python+job`, `python+serve` or `python+build`, found 'spark'"),
        ("kind: python+job\nspec: 3\n", "expected `spec` to be a mapping, found 3"),
        ("a: [", "is not valid YAML at line"),
        ("[]", "is not a mapping"),
    ],
)
def test_a_file_that_is_no_task(refused: Callable[..., str], folder: Path, text: str, message: str) -> None:
    """The file is named, and what was found in it."""
    (folder / "bad.yaml").write_text(text)
    errors = refused("--task", "bad.yaml")
    assert message in errors
    assert "bad.yaml" in errors


def test_a_missing_file_is_reported(refused: Callable[..., str]) -> None:
    """The error has path and reason."""
    assert "--task: cannot read 'absent.yaml': No such file" in refused("--task", "absent.yaml")

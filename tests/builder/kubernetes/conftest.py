"""A function document, and what `ovenbird manifests` makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ovenbird.errors import OvenbirdError
from ovenbird_builder import cli

DIGEST = "sha256:" + "0123456789abcdef" * 4
IMAGE = f"registry.example:5000/team/greet:1.2@{DIGEST}"
DOCUMENT = """\
kind: python
name: greet
project: demo
spec:
  python_version: "3.12"
  source: {handler: "main:greet", source: "git+https://example.com/greet.git#main"}
"""


class Manifests(list[dict[str, Any]]):
    """The printed documents, and the notes on stderr."""

    notes: str = ""

    def __getitem__(self, kind: Any) -> Any:
        """Return the one document of a kind."""
        (manifest,) = [document for document in self if document["kind"] == kind]
        return manifest

    @property
    def kinds(self) -> list[str]:
        """The kinds in their order."""
        return [document["kind"] for document in self]

    @property
    def pod(self) -> dict[str, Any]:
        """The spec of the one pod."""
        (template,) = [pod for document in self if (pod := pod_of(document))]
        return template["spec"]

    @property
    def container(self) -> dict[str, Any]:
        """The one container."""
        (container,) = self.pod["containers"]
        return container

    @property
    def env(self) -> dict[str, Any]:
        """The container's variables."""
        return {item["name"]: item.get("value", item.get("valueFrom")) for item in self.container["env"]}


def pod_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return the pod template of a document, or an empty one."""
    spec = document.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    template: dict[str, Any] = spec.get("template", {})
    return template


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a function document."""
    (tmp_path / "function.yaml").write_text(DOCUMENT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def make(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Manifests]:
    """The documents of `ovenbird manifests --image ... WORDS`; `task` is written to a file for `--task`."""

    def run(*words: str, task: dict[str, Any] | None = None, image: str = IMAGE) -> Manifests:
        if task is not None:
            (folder / "task.yaml").write_text(yaml.safe_dump(task))
            words = ("--task", "task.yaml", *words)
        if image:
            words = ("--image", image, *words)
        capsys.readouterr()
        assert cli.main(["manifests", *words]) == 0
        out, err = capsys.readouterr()
        manifests = Manifests(yaml.safe_load_all(out))
        manifests.notes = err
        return manifests

    return run


@pytest.fixture
def refused(make: Callable[..., Manifests]) -> Callable[..., str]:
    """Why `make` is refused: the message with its hint. It must be an error of the spec."""

    def run(*words: str, **more: Any) -> str:
        with pytest.raises(OvenbirdError) as caught:
            make(*words, **more)
        assert caught.value.code.startswith("build.spec")
        assert 20 <= caught.value.exit_code < 30
        return str(caught.value)

    return run

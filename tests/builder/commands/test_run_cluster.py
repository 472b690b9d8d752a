"""`run --cluster` and `serve --cluster` up to what they create: what is refused before that."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.errors import OvenbirdError
from ovenbird_builder import cli
from ovenbird_builder.errors import BuildRequestError

IMAGE = "registry.example.com/greet:1"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a function, and no kubectl on the PATH: nothing is sent to a cluster."""
    (tmp_path / "main.py").write_text("def handler(name='a'):\n    return name\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def refuse(verb: str, *words: str) -> BuildRequestError:
    """Return the error of a command."""
    with pytest.raises(BuildRequestError) as caught:
        cli.main([f"{verb}-cluster", "main.py", "--cluster", "--image", IMAGE, *words])
    return caught.value


@pytest.mark.parametrize(("verb", "kind"), [("run", "Job"), ("serve", "Deployment")])
def test_a_variable_that_is_a_secret(verb: str, kind: str) -> None:
    """By its name, as in Python; the hint names the flag for it."""
    error = refuse(verb, "--env", "LEVEL=3", "--env", "API_TOKEN=Pass12")
    assert error.message == f"--env has 'API_TOKEN', and whoever reads the {kind} reads it"
    assert "`--secret API_TOKEN=SECRET`" in str(error)
    assert "Pass12" not in str(error)


def test_an_input_with_a_password() -> None:
    """With the words of Python."""
    error = refuse("run", "--input", "a=https://u:Pass12@h.example/a")
    assert error.message == "the input 'a' is a URL with a password, and whoever reads the Job reads it"


def test_a_variable_that_is_none() -> None:
    """A switch with the name of a secret goes on to kubectl, which is not there."""
    with pytest.raises(OvenbirdError, match="the program `kubectl` is not installed"):
        cli.main(["run-cluster", "main.py", "--cluster", "--image", IMAGE, "--env", "TOKENIZERS_PARALLELISM=false"])


def test_a_reuse_of_runs_that_nothing_keeps() -> None:
    """It says why, and what keeps them; with a database it goes on to kubectl."""
    error = refuse("run", "--reuse")
    assert "what this Job records goes with its pod" in error.message
    assert "`--store-secret NAME`" in str(error)
    for words in (("--store-secret", "runs"), ("--volume", "pvc:runs:/runs", "--env", "OVENBIRD_HOME=/runs/a")):
        with pytest.raises(OvenbirdError, match="the program `kubectl` is not installed"):
            cli.main(["run-cluster", "main.py", "--cluster", "--image", IMAGE, "--reuse", *words])

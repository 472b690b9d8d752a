"""For any value of a flag, variable or file, a verb ends with an `OvenbirdError`, not a traceback."""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.refusals import succeeds

from ovenbird_builder import cli

# what a flag may hold that names a file or a folder
PATHS = {
    "NUL": "a\0b", "too long": "x" * 300, "no such user": "~nosuchuser/x", "URL": "https://example.invalid/c.txt",
    "dangling link": "dangling", "circle of links": "circle", "folder": "folder", "below a file": "main.py/x",
    "not UTF-8": "latin.txt", "empty file": "empty", "absent": "nope", "unreadable": "/proc/self/mem",
    "blanks": " ", "option": "-x", "surrogate": "\udcff", "line feed": "a\nb", "digits": "9" * 5000,
}  # fmt: skip
CALLS: dict[str, list[str]] = {
    "build": ["--offline", "function.yaml"],
    "bundle": ["--offline", "--out=b.tar", "function.yaml"],
    "lock": ["--check", "function.yaml"],
    "manifests": ["--output=made", "function.yaml"],
    "inspect": ["oci:folder"],
    "rebase": ["--base=localhost/x:2", "localhost/x:1"],
    "base": ["build", "3.12"],
    "cache": ["info"],
}
VARIABLES = (
    "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "NETRC",
    "SSL_CERT_FILE", "PIP_CERT", "HTTPS_PROXY", "CONTAINERS_REGISTRIES_CONF", "SOURCE_DATE_EPOCH",
    "OVENBIRD_CACHE_DIR", "OVENBIRD_CA_BUNDLE", "OVENBIRD_INDEX_URL", "OVENBIRD_REGISTRY",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, with files of each kind; no program can be found, so nothing is started."""
    (tmp_path / "main.py").write_text("def handler(): ...\n")
    spec = {"source": {"source": ".", "handler": "main:handler"}, "image": "localhost/x:1"}
    (tmp_path / "function.yaml").write_text(yaml.safe_dump({"name": "f", "kind": "python", "spec": spec}))
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.txt").write_bytes(b"\xe9\xff: \xe8\n")
    (tmp_path / "empty").touch()
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path / "folder"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def ends_well(argv: list[str]) -> bool:
    """Return whether a verb ended with a known status: help, a refused flag, an error, or success."""
    output = io.StringIO()

    def call() -> None:
        try:
            cli.main(argv)
        except SystemExit:
            return

    with redirect_stdout(output), redirect_stderr(output):
        return succeeds(call, repr(argv)[:300], *range(1, 130))


def list_flags(parser: argparse.ArgumentParser, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Return each flag that takes a value, with the words of the action that it belongs to."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, inner in action.choices.items():
                yield from list_flags(inner, (*before, word))
        elif action.option_strings and action.nargs != 0:
            yield before, action.option_strings[-1]


def list_cases() -> list[Any]:
    """Return every flag of every verb."""
    rows = []
    for verb in CALLS:
        parser = argparse.ArgumentParser()
        import_module(f"ovenbird_builder.commands.{verb}").add_options(parser)
        rows += [
            pytest.param(verb, words, flag, id=" ".join((verb, *words, flag)))
            for words, flag in list_flags(parser)
        ]  # fmt: skip
    return rows


@pytest.mark.slow
@pytest.mark.parametrize(("verb", "words", "flag"), list_cases())
def test_each_flag(folder: Path, verb: str, words: tuple[str, ...], flag: str) -> None:
    """URLs, links to nothing, circles, folders, other encodings, names that no file system takes."""
    rest = CALLS[verb]
    if words:
        before, rest = [*words, f"{flag}="], [*(["3.12"] if verb == "base" and words[0] != "list" else [])]
    else:
        before = [f"{flag}="]
    for text in PATHS.values():
        ends_well([verb, *before[:-1], before[-1] + text, *rest])


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIABLES)
def test_each_variable(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the user, and that of every tool whose files are read."""
    for text in ("", *(PATHS[kind] for kind in ("too long", "no such user", "circle of links", "not UTF-8", "blanks"))):
        monkeypatch.setenv(name, text)
        for verb, words in CALLS.items():
            ends_well([verb, *words])


@pytest.mark.slow
@pytest.mark.parametrize("verb", CALLS)
def test_each_target(folder: Path, verb: str) -> None:
    """Targets after the flags, with all prefixes of image locations."""
    for text in PATHS.values():
        for start in ("", "oci:", "oci-archive:", "docker://") if verb in ("inspect", "rebase") else ("",):
            ends_well([verb, "--", start + text])

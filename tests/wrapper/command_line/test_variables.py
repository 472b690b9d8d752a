"""Variables that begin with `OVENBIRD_`: a misspelled one is warned of, others are not."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from tests import starts

from ovenbird import settings as table
from ovenbird.command_line.variables import OTHERS, describe_misspelled
from ovenbird_builder.request.build_options import TABLE

ROOT = Path(__file__).parents[3]


def ovenbird(*words: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, with a store of its own."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OVENBIRD_", "PORT"))}
    env |= {"OVENBIRD_HOME": str(cwd / "store"), **environ}
    return starts.run(*words, cwd=cwd, env=env)


def logged_warnings(process: subprocess.CompletedProcess[str]) -> list[str]:
    """The messages of warnings, of a log of JSON or of plain lines."""
    records = [json.loads(line) if line.startswith("{") else line for line in process.stderr.splitlines()]
    return [
        line["message"] if isinstance(line, dict) else line.removeprefix("warning: ")
        for line in records
        if (line["level"] == "warning" if isinstance(line, dict) else line.startswith("warning: "))
    ]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("OVENBIRD_CONCURENCY", "OVENBIRD_CONCURRENCY"),
        ("OVENBIRD_LOGLEVEL", "OVENBIRD_LOG_LEVEL"),
        ("OVENBIRD_MAXBODY", "OVENBIRD_MAX_BODY"),
        ("OVENBIRD_CACHEDIR", "OVENBIRD_CACHE_DIR"),
        ("OVENBIRD_CONSTRAINT", "OVENBIRD_CONSTRAINTS"),
        ("OVENBIRD_HOMES", "OVENBIRD_HOME"),
    ],
)
def test_a_misspelled_variable_gets_a_suggestion(name: str, suggestion: str) -> None:
    """The warning suggests a variable of the runtime or of the builder, and never has the value."""
    (sentence,) = describe_misspelled([name], {name: "secret"})
    assert sentence == f"the variable {name} is not read; did you mean {suggestion}?"


def test_variables_of_others_are_not_named() -> None:
    """Variables of Kubernetes for a Service called `ovenbird`, and the user's own that resemble none of ours."""
    names = {
        "OVENBIRD_SERVICE_HOST": "10.0.0.1", "OVENBIRD_SERVICE_PORT": "80", "OVENBIRD_SERVICE_PORT_HTTP": "80",
        "OVENBIRD_PORT_80_TCP": "tcp://10.0.0.1:80", "OVENBIRD_PORT_80_TCP_ADDR": "10.0.0.1",
        "OVENBIRD_PORT_80_TCP_PROTO": "tcp", "OVENBIRD_HOST_PORT": "tcp://10.0.0.1:80", "OVENBIRD_DEMO_TOKEN": "x",
    }  # fmt: skip
    assert describe_misspelled(names, names) == []


def test_every_variable_that_the_sources_read_is_known() -> None:
    """A variable that code or a page of docs names and no table has would cause a warning."""
    variables = {name for row in fields(table.Settings) for name in table.variables(row)} | OTHERS
    variables |= {option.variable for option in TABLE}
    files = [
        path for folder in ("wrapper", "builder", "console", "images", "docs") for path in (ROOT / folder).rglob("*.*")
    ]
    read = {
        name
        for path in files
        if path.suffix in (".py", ".sh", ".md")
        for name in re.findall(r"\bOVENBIRD_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8"))
    }
    assert len(read) > 50
    assert read <= variables


def test_no_variable_means_two_things() -> None:
    """Variables that the runtime and the builder share mean the same: the code, the result's file, strictness."""
    ours = {name for row in fields(table.Settings) for name in table.variables(row)}
    shared = {option.variable for option in TABLE} & ours
    assert shared == {"OVENBIRD_SOURCE", "OVENBIRD_RESULT_FILE", "OVENBIRD_STRICT"}


@pytest.mark.parametrize("words", [("run", "main.py"), ("check", "main.py"), ("runs", "list"), ("cache", "info")])
def test_each_verb_warns(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Both packages warn and continue, and do not warn for a correct variable of another verb."""
    (tmp_path / "main.py").write_text("def handler(): return 1\n")
    process = ovenbird(*words, cwd=tmp_path, OVENBIRD_LOGLEVEL="x", OVENBIRD_PUSH="1", HOME=str(tmp_path))
    assert process.returncode == 0, process.stderr
    assert logged_warnings(process) == ["the variable OVENBIRD_LOGLEVEL is not read; did you mean OVENBIRD_LOG_LEVEL?"]
    assert logged_warnings(ovenbird(*words, cwd=tmp_path, OVENBIRD_QUEUE="9", HOME=str(tmp_path))) == []


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--image", "app:1"), ("--env", "TOKEN"), ("--engine", "podman")],
    ids=["image", "env", "engine"],
)
@pytest.mark.parametrize("verb", ["run", "serve"])
def test_container_flags_are_refused_outside_a_container(tmp_path: Path, verb: str, flag: str, value: str) -> None:
    """Exit status 70, before the function is loaded; a variable of the same meaning is no mistake."""
    (tmp_path / "main.py").write_text("raise SystemExit('loaded')\n")
    process = ovenbird(verb, "main.py", flag, value, cwd=tmp_path)
    assert process.returncode == 70
    assert f"`{flag}` without `--container`" in process.stderr
    assert "loaded" not in process.stderr
    (tmp_path / "main.py").write_text("def handler(): return 1\n")
    assert ovenbird("run", "main.py", cwd=tmp_path, OVENBIRD_IMAGE="app:1", OVENBIRD_ENV="TOKEN").returncode == 0

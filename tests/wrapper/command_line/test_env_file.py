"""`--env-file`: the format of the file, and what the function and the settings get of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import starts
from tests.service import Service

from ovenbird.command_line.env_file import parse_env_file, read_env_file
from ovenbird.errors import SettingsError

READS = "import os\ndef handler(names: list[str]):\n    return [os.environ.get(name) for name in names]\n"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1\nB=two words\n", {"A": "1", "B": "two words"}),
        ("# a comment\n\n  # another\nA=1", {"A": "1"}),
        ("A=", {"A": ""}),
        ("A=a=b==", {"A": "a=b=="}),
        ("A=pa#ss", {"A": "pa#ss"}),
        ("A=1 # one", {"A": "1"}),
        ("A= # nothing", {"A": ""}),
        ("A=$HOME and ${HOME}", {"A": "$HOME and ${HOME}"}),
        ("  export A=1 ", {"A": "1"}),
        ("A = 1", {"A": "1"}),
        ("A='x # y \\n $z'", {"A": "x # y \\n $z"}),
        ('A="x # \\"y\\"\\nz\\\\ \\$"  # c', {"A": 'x # "y"\nz\\ \\$'}),
        ('A="line 1\nline 2"\nB=3', {"A": "line 1\nline 2", "B": "3"}),
        ("A='-----BEGIN\nKEY-----'\n", {"A": "-----BEGIN\nKEY-----"}),
        ("A=it's", {"A": "it's"}),
        ('A={"a": 1}', {"A": '{"a": 1}'}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("KNOWN\nUNKNOWN\n", {"KNOWN": "of the environment"}),
        ("\ufeffA=é", {"A": "é"}),
        ("", {}),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, str) else "",
)
def test_lines_are_read_as_docker_and_compose_do(tmp_path: Path, text: str, values: dict[str, str]) -> None:
    """Comments, quotes, a name alone, `export`; nothing is put in for `$`."""
    path = tmp_path / "env"
    path.write_text(text, encoding="utf-8", newline="")
    assert read_env_file(str(path), {"KNOWN": "of the environment"}) == values


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\n=secret", 2),
        ("a-b=secret", 1),
        ("1A=secret", 1),
        ("A secret", 1),
        ("\nA='secret\nB=2", 2),
        ('A="secret', 1),
        ("A='secret' more", 1),
        ("A=secret\0", 1),
    ],
    ids=["no name", "hyphen", "digit", "no equals", "open", "open double", "behind", "nul"],
)
def test_a_line_that_does_not_fit_is_named_without_its_value(text: str, line: int) -> None:
    """The file and the line, and never what stands there."""
    with pytest.raises(SettingsError) as caught:
        parse_env_file(text, "secrets.env", {})
    assert f"'secrets.env', line {line}: " in caught.value.message
    assert "secret" not in str(caught.value).replace("secrets.env", "")


@pytest.mark.slow
def test_a_large_file_is_read_in_one_pass() -> None:
    """A line of a hundred thousand, or of unclosed quotes, costs what a line costs."""
    assert len(parse_env_file("".join(f"A{n}='1'\n" for n in range(100_000)), "env", {})) == 100_000
    with pytest.raises(SettingsError):
        parse_env_file("A='1'\n" * 100_000 + "B='", "env", {})


def run(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `ovenbird run` in a folder."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OVENBIRD_", "PORT"))}
    env |= {"OVENBIRD_HOME": str(folder / "store"), "OVENBIRD_LOG_FORMAT": "text", **environ}
    return starts.run("run", *words, cwd=folder, env=env)


def test_a_run_gets_the_variables_and_the_settings(tmp_path: Path) -> None:
    """The environment wins over the file, a flag over both; settings in the file hold too, and its own variable."""
    (tmp_path / "main.py").write_text(READS)
    (tmp_path / ".env").write_text('TOKEN=abc\nCITY="New York"\nOVENBIRD_NAME=nightly\nOVENBIRD_LOG_LEVEL=error\n')
    words = ("main.py", "--param", 'names=["TOKEN", "CITY"]')
    process = run(tmp_path, *words, "--env-file", ".env", CITY="Rome")
    assert json.loads(process.stdout) == ["abc", "Rome"]
    assert process.stderr == ""
    process = run(tmp_path, *words, "--log-level", "info", OVENBIRD_ENV_FILE=".env")
    assert json.loads(process.stdout) == ["abc", "New York"]
    assert "COMPLETED" in process.stderr


def test_a_service_gets_the_variables(tmp_path: Path, serve: Callable[..., Service]) -> None:
    """Each worker of a service has the variables."""
    (tmp_path / "my.env").write_text("TOKEN='a b'\n")
    service = serve(READS, "--env-file", str(tmp_path / "my.env"), "--workers", "2")
    assert service.call({"names": ["TOKEN"]}).json() == ["a b"]


@pytest.mark.parametrize("name", ["nowhere.env", "."], ids=["missing", "folder"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """Exit status 70, before anything runs."""
    (tmp_path / "main.py").write_text(READS)
    process = run(tmp_path, "main.py", "--env-file", name)
    assert (process.returncode, process.stdout) == (70, "")
    assert f"--env-file: cannot read '{name}'" in process.stderr

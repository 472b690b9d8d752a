"""`ovenbird build` where nothing is built: what is written when it fails, and what several functions must not share."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests import starts

DOCUMENT = "kind: python\nname: NAME\nspec: {source: {source: main.py, handler: handler}, base_image: 'oci:/none'}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two functions, whose base is nowhere."""
    for name in ("a", "b"):
        place = tmp_path / "functions" / name
        place.mkdir(parents=True)
        (place / "function.yaml").write_text(DOCUMENT.replace("NAME", name))
        (place / "main.py").write_text("def handler(): ...\n")
    return tmp_path


def build(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the verb."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "OVENBIRD_LOG_FORMAT": "json", **environ}
    return starts.run("build", *words, "--cache-dir", str(folder / "cache"), cwd=folder, env=env)


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (("no/such.py",), "build.spec", 20),
        (("functions/a", "--tag", "Not A Tag"), "build.spec.reference", 22),
        (("functions/a", "--offline"), "build.image.base_missing", 61),
        (("functions/a/function.yaml", "--authfile", "none.json"), "build.spec", 20),
    ],
    ids=["no target", "a tag that is none", "no base", "no credentials"],
)
def test_the_result_file_is_written_on_failure(words: tuple[str, ...], code: str, status: int, folder: Path) -> None:
    """Whatever the phase, with the code, the status and the message that stderr has; stdout stays empty."""
    done = build(folder, *words, "--result-file", "result.json")
    assert done.returncode == status, done.stderr
    told = json.loads(done.stderr.splitlines()[-1])
    row = read(folder / "result.json")
    assert row["error"]["code"] == told["code"] == code
    assert row["error"]["exit_code"] == status
    assert row["error"]["message"] == told["message"]
    assert row["function"]["target"] == words[0]
    assert done.stdout == ""


def test_a_variable_that_does_not_parse_is_in_the_result_file(folder: Path) -> None:
    """Also where the flags could not be read."""
    done = build(folder, "functions/a", OVENBIRD_PUSH="perhaps", OVENBIRD_RESULT_FILE="result.json")
    assert done.returncode == 20
    assert "OVENBIRD_PUSH" in read(folder / "result.json")["error"]["message"]


def test_a_result_file_that_cannot_be_written_hides_no_error(folder: Path) -> None:
    """The status is that of the first error, and a warning tells the other."""
    done = build(folder, "functions/a", "--offline", "--result-file", "no/such/result.json")
    assert done.returncode == 61
    assert "--result-file: cannot write" in done.stderr


def test_each_of_several_failures_is_told(folder: Path) -> None:
    """One goes on where the other stops; the results are one object, or a file for each function."""
    names = ("functions/a", "functions/b")
    done = build(folder, *names, "--offline", "--result-file", "{name}.json", GITHUB_ACTIONS="true")
    assert done.returncode == 61
    assert [row["function"]["name"] for row in json.loads(done.stdout)["functions"]] == ["a", "b"]
    assert read(folder / "a.json")["error"]["code"] == read(folder / "b.json")["error"]["code"]
    assert "0 built, 0 unchanged, 2 failed" in done.stderr
    for name in names:
        assert f"::error file={name}/function.yaml,title=build.image.base_missing::" in done.stderr
    assert done.stderr.count("\nerror: ") == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--tag", "r.example/app:1"), "would both be 'r.example/app:1'"),
        (("--tag", "r.example/{name}:1", "--output", "oci:out"), "would both be 'oci:out'"),
        (("--bundle", "x.bundle"), "a bundle holds one function"),
    ],
    ids=["tag", "output", "bundle"],
)
def test_two_functions_have_no_image_in_common(words: tuple[str, ...], told: str, folder: Path) -> None:
    """Else the second would be written over the first; nothing is begun."""
    done = build(folder, "functions/a", "functions/b", *words, "--offline")
    assert done.returncode == 20
    assert told in json.loads(done.stdout)["functions"][0]["error"]["message"]

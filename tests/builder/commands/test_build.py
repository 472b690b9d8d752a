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
        function = tmp_path / "functions" / name
        function.mkdir(parents=True)
        (function / "function.yaml").write_text(DOCUMENT.replace("NAME", name))
        (function / "main.py").write_text("def handler(): ...\n")
    return tmp_path


def build(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the verb."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "OVENBIRD_LOG_FORMAT": "json", **environ}
    return starts.run("build", *words, "--cache-dir", str(folder / "cache"), cwd=folder, env=env)


def read_document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


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
    """In every phase, with code, status and message as on stderr; stdout stays empty."""
    process = build(folder, *words, "--result-file", "result.json")
    assert process.returncode == status, process.stderr
    document = json.loads(process.stderr.splitlines()[-1])
    row = read_document(folder / "result.json")
    assert row["error"]["code"] == document["code"] == code
    assert row["error"]["exit_code"] == status
    assert row["error"]["message"] == document["message"]
    assert row["function"]["target"] == words[0]
    assert process.stdout == ""


def test_a_variable_that_does_not_parse_is_in_the_result_file(folder: Path) -> None:
    """Also where the flags could not be read."""
    process = build(folder, "functions/a", OVENBIRD_PUSH="perhaps", OVENBIRD_RESULT_FILE="result.json")
    assert process.returncode == 20
    assert "OVENBIRD_PUSH" in read_document(folder / "result.json")["error"]["message"]


@pytest.mark.slow
def test_a_result_file_that_cannot_be_written_is_refused(folder: Path) -> None:
    """It is refused before the build begins: otherwise the result of a long build would be lost."""
    (folder / "file").touch()
    for name, why in (("file/result.json", "'file' is no folder"), ("functions", "'functions' is a folder")):
        for flag in ("--result-file", "--dotenv-file"):
            process = build(folder, "functions/a", "--offline", flag, name)
            assert (process.returncode, why in process.stderr) == (20, True)
            assert json.loads(process.stderr.splitlines()[-1])["message"].startswith(f"{flag}: ")


@pytest.mark.slow
def test_folders_of_the_result_file_are_created(folder: Path) -> None:
    """As `mkdir -p` does, also where the build fails; `~` is the home, which no shell puts in behind `=`."""
    assert build(folder, "functions/a", "--offline", "--result-file", "no/such/result.json").returncode == 61
    assert read_document(folder / "no" / "such" / "result.json")["error"]["exit_code"] == 61
    assert build(folder, "functions/a", "--offline", "--result-file=~/r.json").returncode == 61
    assert read_document(folder / "r.json")["error"]["exit_code"] == 61
    words = ("--list", "--output", "oci-archive:functions/a/out/x.tar", "--dotenv-file", "functions/a/env/x.env")
    assert [row["path"] for row in json.loads(build(folder, "functions/a", *words).stdout)["files"]] == ["main.py"]
    assert [path.name for path in folder.rglob("*") if path.name in ("out", "env")] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["functions/a/main.py", "functions/a/function.yaml", "functions/a/../{name}/main.py"])
@pytest.mark.parametrize("flag", ["--result-file", "--dotenv-file", "--output=oci-archive:", "--output=oci:"])
def test_no_source_is_replaced(folder: Path, flag: str, name: str) -> None:
    """No flag for an output replaces a source, not even the result file of a failed build."""
    if name.count("{") and not flag.endswith("-file"):
        name = name.replace("{name}", "a")
    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    process = build(folder, "functions/a", *([flag, name] if flag.endswith("-file") else [flag + name]))
    assert process.returncode == 20, process.stderr
    assert "is not replaced" in process.stderr or "an OCI layout is a folder" in process.stderr
    assert before == {path: path.read_bytes() for path in before}


def test_a_bundle_replaces_no_source(folder: Path) -> None:
    """Its name is looked at before anything is fetched."""
    for name, why in (
        ("main.py", "is not replaced"), ("function.yaml", "is not replaced"), (".", "is a folder"),
        ("main.py/b.tar", "is no folder"),
    ):  # fmt: skip
        words = ("bundle", ".", "-o", name, "--cache-dir", str(folder / "cache"))
        process = starts.run(*words, cwd=folder / "functions/a")
        assert (process.returncode, why in process.stderr) == (20, True), process.stderr
    assert (folder / "functions/a/main.py").read_text() == "def handler(): ...\n"


def test_a_plan_and_a_list_are_in_the_result_file(folder: Path) -> None:
    """As a build's result is; the dotenv file has nothing of them."""
    process = build(folder, "functions/a", "--list", "--result-file", "list.json", "--dotenv-file", "image.env")
    assert (process.returncode, read_document(folder / "list.json")) == (0, json.loads(process.stdout))
    assert [row["path"] for row in read_document(folder / "list.json")["files"]] == ["main.py"]
    assert not (folder / "image.env").exists()


@pytest.mark.slow
def test_each_of_several_failures_is_reported(folder: Path) -> None:
    """One goes on where the other stops; the results are one object, or a file for each function."""
    names = ("functions/a", "functions/b")
    process = build(folder, *names, "--offline", "--result-file", "{name}.json", GITHUB_ACTIONS="true")
    assert process.returncode == 61
    assert [row["function"]["name"] for row in json.loads(process.stdout)["functions"]] == ["a", "b"]
    assert read_document(folder / "a.json")["error"]["code"] == read_document(folder / "b.json")["error"]["code"]
    assert "0 built, 0 unchanged, 2 failed" in process.stderr
    for name in names:
        assert f"::error file={name}/function.yaml,title=build.image.base_missing::" in process.stderr
    assert process.stderr.count("\nerror: ") == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--tag", "r.example/app:1"), "would both be 'r.example/app:1'"),
        (("--tag", "r.example/{name}:1", "--output", "oci:out"), "would both be 'oci:out'"),
        (("--bundle", "x.bundle"), "a bundle holds one function"),
    ],
    ids=["tag", "output", "bundle"],
)
def test_two_functions_have_no_image_in_common(words: tuple[str, ...], message: str, folder: Path) -> None:
    """Otherwise the second would overwrite the first; no build starts."""
    process = build(folder, "functions/a", "functions/b", *words, "--offline")
    assert process.returncode == 20
    assert message in json.loads(process.stdout)["functions"][0]["error"]["message"]

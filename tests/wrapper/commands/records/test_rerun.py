"""`ovenbird runs rerun`: a run once more, from its record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.jobs import Jobs

_SOURCE = """
from pathlib import Path

def init(context, by: int = 1):
    context.by = by

def train(context, data: Path, n: int, label: str, where: str = "", options: dict = {}):
    return {"n": n * context.by, "label": label, "rows": data.read_text(), "options": options, "here": Path.cwd().name}
"""


def _rerun(jobs: Jobs, *words: str, **environ: str) -> tuple[int, dict[str, object], str]:
    process = jobs.start_ovenbird("runs", "rerun", *words, **environ)
    out, err = process.communicate(timeout=60)
    return process.returncode, json.loads(out) if process.returncode == 0 else {}, err


def test_a_run_is_run_again(jobs: Jobs) -> None:
    """With its parameters (a text that looks like a number stays one), inputs and init; given values win."""
    (jobs.folder / "data.txt").write_text("a row")
    jobs.write(_SOURCE)
    flags = ("--input", "data=data.txt", "--param", "n=3", "--param", "label=007", "--init", "by=2", "--name", "first")
    job = jobs.run("main.py:train", *flags, "--param", 'options={"a": [1, "2"]}')
    assert job.code == 0, job.err
    expected = {"n": 6, "label": "007", "rows": "a row", "options": {"a": [1, "2"]}, "here": jobs.folder.name}
    assert json.loads(job.out) == expected
    assert _rerun(jobs, "first")[:2] == (0, expected)
    code, changed, err = _rerun(
        jobs, "first", "--param", "n=5", "--param", "label=12", "--name", "second", "--tag", "a=b"
    )
    assert (code, changed) == (0, {**expected, "n": 10, "label": "12"}), err
    record = jobs.read_entity("runs", "second")
    assert record["metadata"]["labels"] == ["a=b"]
    assert record["status"]["launch"]["rerun_of"] == job.result["key"]
    assert record["spec"]["parameters"]["n"] == 5
    assert _rerun(jobs, "second", "--init", "by=1")[1]["n"] == 5


def test_a_rerun_is_at_home_where_the_run_was(jobs: Jobs, tmp_path: Path) -> None:
    """Started elsewhere, its paths are those of the first run's folder; the result file is of the present one."""
    (jobs.folder / "data.txt").write_text("a row")
    jobs.write(_SOURCE)
    job = jobs.run("main.py:train", "--input", "data=data.txt", "--param", "n=1", "--param", "label=x")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    before, jobs.folder = jobs.folder, elsewhere
    code, result, err = _rerun(jobs, "latest", "--result-file", "result.json", OVENBIRD_PARAM='{"n": 9}', RUN_ID="x")
    assert (code, result["rows"], result["here"], result["n"]) == (0, "a row", before.name, 1), err
    assert json.loads((elsewhere / "result.json").read_text())["state"] == "COMPLETED"
    assert [path.name for path in elsewhere.iterdir()] == ["result.json"]
    assert len(jobs.list_runs()) == 2
    assert job.result["id"] in {row["id"] for row in jobs.list_runs()}


def test_a_document_is_run_again(jobs: Jobs) -> None:
    """Under its name and project, also where it was the current folder."""
    jobs.write("def fn(n: int): return {'n': n}\n", "work.py")
    document = "name: f1\nkind: python\nproject: p9\nspec: {source: {source: work.py, handler: fn}}\n"
    (jobs.folder / "function.yaml").write_text(document)
    jobs.run_verb("run", "--param", "n=1")
    assert _rerun(jobs, "latest", "--param", "n=2")[:2] == (0, {"n": 2})
    newest, oldest = jobs.list_runs()
    assert (newest["project"], newest["function"]) == ("p9", oldest["function"])


@pytest.mark.slow
def test_what_cannot_be_run_again(jobs: Jobs, tmp_path: Path) -> None:
    """The errors for an input with an unrecorded secret and for a missing folder say what to do."""
    (jobs.folder / "data.txt").write_text("a row")
    jobs.write("def handler(data: str): return data\n")
    url = "http://127.0.0.1:9/data.txt?token=s3cr3t"
    assert jobs.run("main.py", "--input", f"data={url}").code == 78
    identity = json.loads(jobs.run_verb("runs", "list", "--all"))[0]["id"]
    code, _, err = _rerun(jobs, identity)
    assert (code, "read with secrets, which are not recorded" in err, "--input data=URL" in err) == (78, True, True)
    process = jobs.start_ovenbird("runs", "rerun", identity, "--input", "data=data.txt")
    assert process.communicate(timeout=60)[0] == "a row\n"

    removed = tmp_path / "gone"
    removed.mkdir()
    before, jobs.folder = jobs.folder, removed
    jobs.write("def handler(): return {}\n")
    jobs.run_verb("run", "main.py")
    removed.joinpath("main.py").unlink()
    removed.rmdir()
    jobs.folder = before
    code, _, err = _rerun(jobs, "latest")
    assert (code, "is not there" in err) == (78, True), err

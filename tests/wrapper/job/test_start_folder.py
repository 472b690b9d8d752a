"""Relative paths are meant where the run was started, wherever the function goes, and whatever it removes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.jobs import Jobs

_GOES = {
    "to another folder": "os.mkdir('sub'); os.chdir('sub')",
    "to a folder that is gone": "os.mkdir('sub'); os.chdir('sub'); os.rmdir('../sub')",
    "where the temporary folder is gone": (
        "import tempfile; tempfile.tempdir = tempfile.mkdtemp(); os.rmdir(tempfile.tempdir)"
    ),
    "where ours is gone": (
        "import glob, shutil, tempfile; project.log_artifact('a', data=b'x')\n"
        "    [shutil.rmtree(path) for path in glob.glob(tempfile.gettempdir() + '/ovenbird-*')]"
    ),
}
_SOURCE = """
import os, sys
from ovenbird import handler
{at_import}
@handler(outputs=["big", "small"])
def go(project, data: bytes):
    {in_handler}
    project.log_artifact("logged", data=b"x")
    return list(range(100_000)), len(data)
"""


@pytest.mark.slow
@pytest.mark.parametrize("store", ["local", "core"])
@pytest.mark.parametrize("where", ["handler", "import"])
@pytest.mark.parametrize("name", _GOES)
def test_files_of_a_run_lie_in_the_requested_folders(
    jobs: Jobs, request: pytest.FixtureRequest, tmp_path: Path, name: str, where: str, store: str
) -> None:
    """Result file, copies, files store, inputs and the default store: all relative, all found."""
    if where == "import" and "project" in _GOES[name]:
        where = "handler"
    goes = {
        f"{'at' if at == 'import' else 'in'}_{at}": _GOES[name] if at == where else "pass"
        for at in ("import", "handler")
    }
    jobs.write(_SOURCE.format(**goes))
    (jobs.folder / "in.txt").write_text("abc")
    (tmp_path / "tmp").mkdir()
    environ = request.getfixturevalue("platform") | {"OVENBIRD_PROJECT": "p"} if store == "core" else {}
    files = "s3://outputs" if store == "core" else "files"
    words = [
        "main.py:go",
        "--input",
        "data=in.txt",
        "--result-file",
        "r.json",
        "--output-dir",
        "got/",
        "--files-store",
        files,
    ]
    process = jobs.start_ovenbird("run", *words, OVENBIRD_HOME=".store", TMPDIR=str(tmp_path / "tmp"), **environ)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    result = json.loads((jobs.folder / "r.json").read_text())
    assert (result["state"], result["results"]) == ("COMPLETED", {"small": 3})
    assert (jobs.folder / "got" / "big.json").exists()
    if store == "local":
        assert (jobs.folder / ".store" / "ovenbird.db").exists()
        assert [path.name for path in (jobs.folder / "files").rglob("big.json")] == ["big.json"]
    assert not (jobs.folder / "sub" / "r.json").exists()

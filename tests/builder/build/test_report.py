"""The result of a build: what its fields are, and a file that is whole or not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ovenbird_builder.build.report import BuildResult, LayerReason, format_result, write_result
from ovenbird_builder.cache.layer import Layer
from ovenbird_builder.errors import DiskFullError

LAYER = Layer("sha256:k", "sha256:b", "sha256:d", 12, "application/x", "source", cached=True, seconds=0.12345)
RESULT = BuildResult(
    "r/app:1", "sha256:i", (LAYER,), {"uri": "local"}, {"path": ""}, {"name": "b"}, ("careful",), tags=("r/app:1",),
    outputs=("store",), seconds=1.23456, more={"statements": []}, size=40,
    rebuilt=(LayerReason("source", "main.py", False, "new"),),
)  # fmt: skip


def test_the_fields_are_those_that_others_read() -> None:
    """Names and units: seconds with three digits, sizes in bytes, `hit` for cached layers."""
    document = RESULT.document()
    assert list(document) == [
        "image", "digest", "changed", "tags", "outputs", "layers", "source", "lock", "base", "warnings", "seconds",
        "size", "rebuilt", "statements",
    ]  # fmt: skip
    (row,) = document["layers"]
    assert (row["name"], row["size"], row["hit"], row["seconds"]) == ("source", 12, True, 0.123)
    assert (document["seconds"], document["warnings"]) == (1.235, ["careful"])
    assert (document["size"], document["rebuilt"]) == (40, [{"kind": "source", "name": "main.py", "reason": "new"}])
    assert RESULT.reference == "r/app:1@sha256:i"
    assert json.loads(format_result(document)) == document


def test_a_result_file_replaces_the_previous_file(tmp_path: Path) -> None:
    """It is readable by all, and no partial file remains."""
    path = tmp_path / "result.json"
    path.write_text("old")
    write_result(path, RESULT.document())
    assert json.loads(path.read_text())["digest"] == "sha256:i"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["folder/kept/result.json", "folder"])
def test_an_unwritable_path_is_reported(tmp_path: Path, name: str) -> None:
    """With its name; what was there stays, and no draft."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").touch()
    with pytest.raises(DiskFullError, match=f"--result-file: cannot write '.*{name}'"):
        write_result(tmp_path / name, RESULT.document())
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "kept"]


def test_a_result_that_json_does_not_know_leaves_the_old_file(tmp_path: Path) -> None:
    """It is written under another name first."""
    path = tmp_path / "result.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        write_result(path, {"what": object()})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    """As `/dev/stdout` and `/dev/null` are: a file renamed over them would take their place for everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_result(pipe, {"digest": "new"})
        assert json.loads(os.read(reader, 1000)) == {"digest": "new"}
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_stdout_as_a_file_is_appended_to(tmp_path: Path) -> None:
    """Earlier output stays if stdout is redirected to a file."""
    program = (
        "import pathlib, sys; from ovenbird_builder.build.report import write_result; print('before', flush=True);"
        "write_result(pathlib.Path('/dev/stdout'), {})"
    )
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "before\n{}\n"

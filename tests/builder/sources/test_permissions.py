"""Unreadable files: not opened if excluded, a complete error if needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ovenbird_builder.sources.permissions import describe_permissions

Fetched = Callable[[], dict[str, Any]]
CODE = """
import json, sys
from pathlib import Path
from ovenbird.function_document import FunctionSpec
from ovenbird.errors import OvenbirdError
from ovenbird_builder.host.network import NetworkSettings
from ovenbird_builder.sources import fetch
root, into = map(Path, sys.argv[1:])
try:
    tree = fetch(FunctionSpec(root, "f", "fn"), into, environ={}, network=NetworkSettings())
    print(json.dumps({"files": [row.name for row in tree.rows], "left_out": dict(tree.left_out)}))
except OvenbirdError as error:
    print(json.dumps({"message": error.message, "hint": error.hint, "status": error.exit_code}))
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Path]:
    """A source; at the end all of it can be read again, so that it can be removed."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "main.py").write_text("def fn(): ...\n")
    yield folder
    for path in (folder, *folder.iterdir()):
        if not path.is_symlink():
            path.chmod(0o755)


@pytest.fixture
def fetch_tree(tmp_path: Path, app: Path) -> Fetched:
    """Fetch it as a user who may not read all, which root may."""

    def run() -> dict[str, Any]:
        lesser = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
        command = [*lesser, sys.executable, "-c", CODE, str(app), str(tmp_path / "out" / "tree")]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
        result: dict[str, Any] = json.loads(process.stdout)
        return result

    return run


@pytest.mark.parametrize(
    ("name", "rule"),
    [(".gitignore", "private"), (".dockerignore", "private\n!private/kept"), (".ovenbirdignore", "priv*")],
)
def test_ignored_files_are_not_opened(fetch_tree: Fetched, app: Path, name: str, rule: str) -> None:
    """A folder and a file of the same rule, which may be a socket's, a database's or another user's."""
    (app / "private").mkdir()
    (app / "private" / "inner.py").write_text("x")
    (app / "private").chmod(0)
    (app / name).write_text(f"{rule}\nsecret.bin\n")
    (app / "secret.bin").write_text("x")
    (app / "secret.bin").chmod(0)
    result = fetch_tree()
    assert result["files"] == [name, "main.py"]
    assert f"of {name}" in result["left_out"]["private/"]
    assert f"of {name}" in result["left_out"]["secret.bin"]


@pytest.mark.parametrize("name", ["data.bin", "data", ".gitignore"], ids=["file", "folder", "rules"])
def test_an_unreadable_file_is_reported_with_its_mode(fetch_tree: Fetched, app: Path, name: str) -> None:
    """The error has path, mode, owner, user and a hint, with the status of a source."""
    path = app / name
    if name == "data":
        path.mkdir()
    else:
        path.write_text("x")
    path.chmod(0)
    result = fetch_tree()
    assert result["status"] == 30
    assert str(path) in result["message"]
    assert "Permission denied" in result["message"]
    mode = "d---------" if name == "data" else "----------"
    assert f"mode {mode}, owner {os.getuid()}:{os.getgid()}; this is user {os.geteuid()}" in result["message"]
    assert f"chmod u+rX {path}" in result["hint"]


def test_the_rights_of_a_hidden_file_are_those_of_its_folder(tmp_path: Path) -> None:
    """For a missing or hidden path, the folder above explains it."""
    tmp_path.chmod(0o751)
    assert describe_permissions(tmp_path / "a" / "b").startswith(f"{tmp_path} has mode drwxr-x--x, owner ")

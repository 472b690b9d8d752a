"""`ovenbird init`: what it writes runs, passes its test and can be built."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests import starts

FILES = ["main.py", "function.yaml", "test_main.py", ".ovenbirdignore"]


def ovenbird(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, with a store of its own."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("OVENBIRD_", "PORT"))}
    env |= {"OVENBIRD_HOME": str(cwd / "store"), "OVENBIRD_LOG_FORMAT": "text"}
    return starts.run(*words, cwd=cwd, env=env)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that `init` has made."""
    process = ovenbird("init", "My Greeter", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert "cd 'My Greeter' && ovenbird run --param name=Ada" in process.stdout
    return tmp_path / "My Greeter"


@pytest.mark.slow
def test_what_it_writes_runs(folder: Path) -> None:
    """The files work as a job and as a service, `--strict` accepts the document, and the folder names the function."""
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert ovenbird("check", "--strict", cwd=folder).returncode == 0
    process = ovenbird("run", "--param", "name=Ada", cwd=folder)
    assert json.loads(process.stdout) == {"greeting": "Hello Ada"}
    called = ovenbird("invoke", "--data", '{"name": "Ada", "times": 2}', cwd=folder)
    assert json.loads(called.stdout) == {"greeting": "Hello Ada, Hello Ada"}
    assert "name: My-Greeter\n" in (folder / "function.yaml").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("module", ["unittest", "pytest"])
def test_its_test_passes(folder: Path, module: str) -> None:
    """With the standard library alone, and with pytest; and it fails where the function is another."""
    command = [sys.executable, "-m", module, *(["-q", "-p", "no:cacheprovider"] if module == "pytest" else [])]
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    assert subprocess.run(command, cwd=folder, capture_output=True, check=False, env=env).returncode == 0
    main = folder / "main.py"
    main.write_text(main.read_text().replace("Hello", "Bye"))
    assert subprocess.run(command, cwd=folder, capture_output=True, check=False, env=env).returncode != 0


@pytest.mark.slow
def test_no_file_is_replaced(folder: Path) -> None:
    """The error names the existing file, and no other file is written; a dangling link counts as a file."""
    for name in ("main.py", "function.yaml", ".ovenbirdignore"):
        (folder / name).unlink()
    (folder / "test_main.py").write_text("mine")
    (folder / "main.py").symlink_to("nowhere.py")
    process = ovenbird("init", cwd=folder)
    assert (process.returncode, process.stdout) == (70, "")
    assert "has main.py, test_main.py already" in process.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["main.py", "test_main.py"]
    assert (folder / "test_main.py").read_text() == "mine"


def test_the_current_folder_and_a_name(tmp_path: Path) -> None:
    """Files of other names stay; `--name` is the function's."""
    (tmp_path / "notes.txt").write_text("mine")
    assert ovenbird("init", "--name", "shop.front", cwd=tmp_path).returncode == 0
    assert "name: shop.front\n" in (tmp_path / "function.yaml").read_text()
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--name", "a b"), "--name: expected letters"),
        (("notes/inner",), "cannot write to"),
        (("a", "b"), "unrecognized"),
        (("",), "the name of the folder is empty"),
        (("  ",), "the name of the folder is empty"),
        (("a\nb",), "holds a character that cannot be printed"),
        (("main.py",), "is the name of a file"),
        (("x/function.yaml",), "is the name of a file"),
        (("https://example.org/x",), "is a URL, not a folder"),
        (("notes",), "'notes' is there already, and is not a folder"),
        (("--name", ""), "--name: expected letters"),
        (("x" * 300,), "File name too long"),
    ],
    ids=["name", "file", "two", "empty", "blank", "newline", "code", "document", "url", "taken", "no name", "long"],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    """Names that no function or folder can have, and what an unset variable leaves: status 70, and nothing written."""
    (tmp_path / "notes").write_text("a file")
    process = ovenbird("init", *words, cwd=tmp_path)
    assert process.returncode == 70
    assert message in process.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]

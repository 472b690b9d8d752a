"""A command whose standard streams are full, closed or not read: one line and a status, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

FULL = 79  # the status of an output that cannot be stored
# verbs that print something, of both packages, and their helps
PRINTING = (
    "--help", "--version", "help build", "serve --help", "runs --help", "check main.py", "check main.py --json",
    "invoke main.py", "init new", "completion bash", "runs list", "models list", "store", "build . --list",
    "base list", "cache info", "manifests . --image host.example/f:1",
)  # fmt: skip
REFUSING = ("nonsense", "build --nonsense", "lineage", "run main.py --nonsense", "lock main.py --check")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a function."""
    (tmp_path / "main.py").write_text("def handler(a: int = 1):\n    print('printed')\n    return a\n")
    spec = {"source": {"source": ".", "handler": "main:handler"}, "image": "localhost/x:1"}
    (tmp_path / "function.yaml").write_text(yaml.safe_dump({"name": "f", "kind": "python", "spec": spec}))
    return tmp_path


def call(folder: Path, words: str, streams: str, **environ: str) -> tuple[int, str, str]:
    """Run a command with redirections of a shell; status, stdout and stderr."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OVENBIRD_", "PORT", "PYTHONUNB"))}
    env |= {"OVENBIRD_HOME": str(folder / "home"), "OVENBIRD_LOG_FORMAT": "text", **environ}
    env["XDG_CACHE_HOME"] = str(folder / "cache")
    process = subprocess.run(
        ["bash", "-c", f"exec {sys.executable} -m ovenbird {words} {streams}"], cwd=folder, env=env,
        capture_output=True, text=True, check=False, timeout=100, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "Traceback" not in process.stdout + process.stderr, process
    assert "Exception ignored" not in process.stderr, process
    return process.returncode, process.stdout, process.stderr


@pytest.mark.slow
@pytest.mark.parametrize("words", PRINTING)
def test_stdout_is_full(folder: Path, words: str) -> None:
    """The printed text is lost and the exit status shows it, whether or not Python buffers."""
    message = "error: cannot write to stdout: No space left on device\n"
    code, _, err = call(folder, words, "> /dev/full")
    assert (code, err[-len(message) :]) == (FULL, message)


@pytest.mark.slow
@pytest.mark.parametrize("words", ["--help", "check main.py", "build . --list"])
def test_stdout_is_full_and_not_buffered(folder: Path, words: str) -> None:
    """The same where each write is one of the system, as in most containers."""
    code, _, err = call(folder, words, "> /dev/full", PYTHONUNBUFFERED="1")
    assert (code, err.splitlines()[-1]) == (FULL, "error: cannot write to stdout: No space left on device")


@pytest.mark.parametrize("words", ["--help", "check main.py", "init new", "runs list", "build . --list"])
def test_stdout_is_closed(folder: Path, words: str) -> None:
    """A verb that prints is refused before it does anything."""
    message = "error: stdout is closed\n  hint: `> /dev/null` drops what is printed\n"
    assert call(folder, words, ">&-") == (FULL, "", message)
    assert not (folder / "new").exists()


@pytest.mark.slow
@pytest.mark.parametrize("streams", ["2> /dev/full", "2>&-"], ids=["full", "closed"])
@pytest.mark.parametrize(
    "words", ["check main.py", "models list", "manifests . --image host.example/f:1", *REFUSING[:2]]
)
def test_stderr_fails(folder: Path, words: str, streams: str) -> None:
    """stderr is for people: where it cannot be written, output and status are what they are with it."""
    code, out, _ = call(folder, words, "")
    assert call(folder, words, streams) == (code, out, "")


@pytest.mark.slow
@pytest.mark.parametrize("words", ["check main.py", *REFUSING])
def test_all_streams_are_closed(folder: Path, words: str) -> None:
    """Only the status is left to tell."""
    assert call(folder, words, "<&- >&- 2>&-")[0] in (FULL, 70)


@pytest.mark.parametrize("words", ["runs list", "--help", "run --help", "build . --list"])
def test_the_reader_has_gone(folder: Path, words: str) -> None:
    """`ovenbird ... | head -1` prints no error and exits with status 0."""
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "ovenbird", *words.split()], cwd=folder, stdout=write, stderr=subprocess.PIPE,
        text=True, check=False, timeout=100, env={**os.environ, "OVENBIRD_HOME": str(folder / "home")},
    )  # fmt: skip
    os.close(write)
    assert (process.returncode, "Traceback" in process.stderr) == (0, False)


@pytest.mark.slow
@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&- >&- 2>&-", "2> /dev/full"], ids=["out", "err", "all", "full"])
def test_a_job_goes_on(folder: Path, streams: str) -> None:
    """The job runs for its record, and none of its files gets the number of a closed stream."""
    assert call(folder, "run main.py --result-file result.json", streams)[0] == 0
    assert '"COMPLETED"' in (folder / "result.json").read_text()
    assert "printed" in call(folder, "runs logs latest", "")[1]


@pytest.mark.slow
def test_a_job_says_that_its_result_is_not_printed(folder: Path) -> None:
    """The status is that of an output that was not stored, and the record has it."""
    (folder / "main.py").write_text("def handler():\n    return 1\n")
    code, _, err = call(folder, "run main.py", "> /dev/full")
    assert code == FULL
    assert "cannot write to stdout: No space left on device; what was returned is in the record" in err
    assert '"COMPLETED"' in call(folder, "runs list", "")[1]


@pytest.mark.slow
@pytest.mark.parametrize("words", ["--help", "build --help", "check main.py", "build . --list"])
def test_an_encoding_lacks_what_is_printed(folder: Path, words: str) -> None:
    """Characters that the encoding lacks are escaped."""
    (folder / "naïve-\U0001f600.py").write_text("def handler(): ...\n")
    (folder / "main.py").write_text('def handler(a: str = "é€"): ...\n')
    assert call(folder, words, "", PYTHONIOENCODING="ascii")[0] == 0


@pytest.mark.parametrize(
    "words",
    ["check main.py", "run main.py", "serve main.py", "init new", "runs list", "build main.py --list", "lock --check",
     "bundle main.py", "manifests main.py"],
)  # fmt: skip
def test_the_current_folder_was_removed(folder: Path, words: str) -> None:
    """Every verb reports that the current folder was removed."""
    (folder / "gone").mkdir()
    process = subprocess.run(
        ["bash", "-c", f'cd gone && rmdir "$PWD" && exec {sys.executable} -m ovenbird {words}'], cwd=folder,
        env={**os.environ, "OVENBIRD_LOG_FORMAT": "text"}, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert process.returncode not in (0, None)
    assert "Traceback" not in process.stderr
    assert "the current folder was removed" in process.stderr

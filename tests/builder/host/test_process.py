"""Programs run to their end, with bounded output, no secret in messages, and no process left."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ovenbird_builder.errors import EngineError, ProgramMissingError
from ovenbird_builder.host.process import ProcessFailedError, ProcessTimedOutError, run


def test_both_streams_and_the_input(tmp_path: Path) -> None:
    """stdout and stderr are separate, lines are passed on at once, and stdin is the given text."""
    lines: list[str] = []
    result = run(["sh", "-c", "cat; echo err >&2; pwd"], stdin=b"in\n", cwd=tmp_path, line=lines.append)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"in\n{tmp_path}\n", "err\n")
    assert sorted(lines) == sorted(["in", str(tmp_path), "err"])


def test_the_environment_is_replaced(tmp_path: Path) -> None:
    """`env` replaces this process's environment; without it that one is inherited."""
    assert run(["/bin/sh", "-c", "echo ${HOME-none}"], env={}).stdout == "none\n"
    assert run(["/bin/sh", "-c", "echo $PATH"]).stdout.strip() == os.environ["PATH"]


@pytest.mark.parametrize(
    "call",
    [
        "process.run([*words], env=env, line=print)",
        "process.run(['env', '--', *words], env=env, line=print)",
        "process.replace([*words], env)",
    ],
    ids=["run", "through another program", "replace"],
)
@pytest.mark.parametrize(("program", "umask"), [("skopeo", "0022"), ("podman", "0022"), ("git", "0077")])
def test_layers_do_not_take_the_umask(tmp_path: Path, call: str, program: str, umask: str) -> None:
    """Programs that make layers have a umask by which everybody can read them; others have the user's."""
    (tmp_path / program).write_text("#!/bin/sh\numask\n")
    (tmp_path / program).chmod(0o755)
    setup = "import os; from ovenbird_builder.host import process; os.umask(0o077); env = dict(os.environ)"
    text = f"{setup}; words = [{program!r}]; {call}"
    env = {**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert run([sys.executable, "-c", text], env=env).stdout == f"{umask}\n"


def test_a_failure_quotes_the_end_of_the_output() -> None:
    """Its status and the last line that is not blank; of stderr, else of stdout. Without `check` it is a result."""
    with pytest.raises(ProcessFailedError) as caught:
        run(["sh", "-c", "echo first >&2; echo last >&2; echo >&2; exit 3"])
    assert (caught.value.returncode, str(caught.value)) == (3, "sh ended with status 3: last")
    with pytest.raises(ProcessFailedError, match="sh ended with status 4: out"):
        run(["sh", "-c", "echo out; exit 4"])
    with pytest.raises(ProcessFailedError, match="was ended by signal 9"):
        run(["sh", "-c", "kill -9 $$"])
    assert run(["false"], check=False).returncode == 1


def test_a_secret_is_hidden_in_all_outputs() -> None:
    """In both streams, in the lines that are passed on, in argv and in the error."""
    lines: list[str] = []
    result = run(["sh", "-c", "echo s3cr3t-word; echo s3cr3t-word >&2"], secrets=["s3cr3t-word"], line=lines.append)
    assert "s3cr3t-word" not in f"{result}{lines}"
    assert lines == ["***", "***"]
    with pytest.raises(ProcessFailedError) as caught:
        run(["sh", "-c", "echo no s3cr3t-word >&2; exit 1"], secrets=["s3cr3t-word"])
    assert "s3cr3t-word" not in f"{caught.value}{caught.value.output}{caught.value.argv}"


@pytest.mark.parametrize("before", [64 * 1024 - 9, 64 * 1024 - 3, 72 * 1024 - 3])
def test_a_secret_in_a_long_line_is_hidden_wherever_the_line_is_cut(before: int) -> None:
    """What is passed on in parts is the same text: nothing is shown, added or lost, and no character is damaged."""
    code = f"""
import os
for part in ("é" * {before // 2} + "s3cr", "3t-word" + "ü" * 70000, "s3cr3t-word"):
    data = part.encode()
    while data:
        data = data[os.write(1, data[:4096]):]
"""
    lines: list[str] = []
    result = run([sys.executable, "-c", code], secrets=["s3cr3t-word"], line=lines.append)
    expected = "é" * (before // 2) + "***" + "ü" * 70000 + "***"
    assert "".join(lines) == result.stdout == expected


def test_output_is_bounded() -> None:
    """Of stdout the end is kept, by whole lines, however much comes; a line without an end is cut."""
    result = run(["sh", "-c", "seq 100000"], limit=1000)
    assert result.stdout.endswith("\n99999\n100000\n")
    assert len(result.stdout) <= 1000
    endless = run([sys.executable, "-c", "print('x' * 10_000_000, end='')"], limit=100_000)
    assert 0 < len(endless.stdout) < 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("reason", ["its time is over", "nobody wants it"])
def test_child_processes_are_ended_too(tmp_path: Path, reason: str) -> None:
    """At the time limit, or when `stop` is set: also a grandchild that ignores SIGTERM."""
    command = ["sh", "-c", "trap '' TERM; sleep 600 & echo $!; wait"]
    pids: list[int] = []
    stop = threading.Event()

    def note(line: str) -> None:
        pids.append(int(line))
        if reason == "nobody wants it":
            stop.set()

    if reason == "nobody wants it":
        assert run(command, line=note, stop=stop, check=False).returncode < 0
    else:
        with pytest.raises(ProcessTimedOutError, match="sh was ended after its time limit of 2 s"):
            run(command, line=note, timeout=2)
    end = time.monotonic() + 30
    while time.monotonic() < end and _is_running(pids[0]):
        time.sleep(0.02)
    assert not _is_running(pids[0])


@pytest.mark.slow
def test_a_grandchild_that_holds_the_streams_does_not_hold_us() -> None:
    """A program that leaves a daemon behind has ended when it has, and the daemon goes with it."""
    result = run(["sh", "-c", "sleep 600 & echo $!"])
    end = time.monotonic() + 30
    while time.monotonic() < end and _is_running(int(result.stdout)):
        time.sleep(0.02)
    assert not _is_running(int(result.stdout))


@pytest.mark.slow
@pytest.mark.parametrize("background", ["", "sleep 600 & "])
def test_a_last_line_without_an_end(background: str) -> None:
    """It is passed on and returned, even if a grandchild still holds the streams."""
    lines: list[str] = []
    result = run(["sh", "-c", f"{background}printf 'a\\nout'; printf err >&2"], line=lines.append)
    assert (result.stdout, result.stderr) == ("a\nout", "err")
    assert sorted(lines) == ["a", "err", "out"]


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """The error has the program and its package; a missing folder is another error."""
    with pytest.raises(ProgramMissingError, match="'buildah' is not installed") as caught:
        run(["buildah"], env={"PATH": str(tmp_path)})
    assert caught.value.hint == "apt-get install buildah"
    with pytest.raises(EngineError, match="no such folder"):
        run(["true"], cwd=tmp_path / "none")


def _is_running(pid: int) -> bool:
    """Return whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize(
    "end", ["pass", "sys.exit(3)", "raise ValueError", "del stream; gc.collect(); time.sleep(0.5)"]
)
def test_a_stream_that_nobody_closes_ends_with_its_process(tmp_path: Path, end: str) -> None:
    """The program that it reads ends with it, however the process ends; so it does when nothing refers to it."""
    text = f"""
import gc, os, sys, threading, time
from ovenbird_builder.host.process import ProcessStream
stream = ProcessStream(["sh", "-c", "echo $$; exec sleep 600"], os.environ)
if {end.startswith("del")}:
    print(next(stream.read_lines()).decode(), flush=True)
else:
    begun = threading.Event()
    def read():
        for line in stream.read_lines():
            print(line.decode(), flush=True)
            begun.set()
    threading.Thread(target=read, daemon=True).start()
    begun.wait()
{end}
"""
    process = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
    pid = int(process.stdout)
    assert not Path(f"/proc/{pid}").exists(), process.stderr

"""A person can stop in a function and look at where it failed, on a real terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.jobs import Jobs

_PATIENCE = 60.0  # seconds
_SOURCE = """
def stops(x: int = 41):
    breakpoint()
    return x + 1

def fails(x: int = 41):
    y = x + 1
    raise ValueError("boom")

async def fails_async(x: int = 41):
    y = x + 1
    raise ValueError("boom")

class Fails:
    def __init__(self):
        y = 42
        raise ValueError("boom")
    def __call__(self):
        pass
"""


class Terminal:
    """A command on a pseudo-terminal."""

    def __init__(self, jobs: Jobs, words: list[str]) -> None:
        env = {name: text for name, text in os.environ.items() if not name.startswith("OVENBIRD_")}
        env |= {"OVENBIRD_HOME": str(jobs.home), "NO_COLOR": "1", "PYTHON_COLORS": "0", "TERM": "dumb"}
        self._handle, inner = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, *words], cwd=jobs.folder, env=env, stdin=inner, stdout=inner, stderr=inner
        )
        os.close(inner)
        self.text = ""
        self._read = 0

    def until(self, text: str) -> None:
        """Read until the text comes, after what was read before."""
        end = time.monotonic() + _PATIENCE
        while text not in self.text[self._read :]:
            assert time.monotonic() < end, self.text
            assert self._more() or text in self.text[self._read :], self.text
        self._read = self.text.index(text, self._read) + len(text)

    def type(self, line: str) -> None:
        """Type a line, after the debugger's prompt."""
        self.until("(Pdb) ")
        os.write(self._handle, line.encode() + b"\n")

    def end(self) -> int:
        """Read to the end; the exit status."""
        while self._process.poll() is None:
            self._more()
        while self._more():
            pass
        return self._process.returncode

    def close(self) -> None:
        """End the command."""
        self._process.kill()
        self._process.wait()
        os.close(self._handle)

    def _more(self) -> bool:
        """Read available output for a short time; return False when there will be no more."""
        with contextlib.suppress(OSError):
            if select.select([self._handle], [], [], 0.1)[0]:
                data = os.read(self._handle, 65536)
                self.text += data.decode(errors="replace")
                return bool(data)
            return self._process.poll() is None
        return False


@pytest.fixture
def terminal(jobs: Jobs) -> Iterator[Any]:
    """Return a function that starts commands on terminals, in the folder of the jobs."""
    jobs.write(_SOURCE)
    started: list[Terminal] = []

    def start(*words: str) -> Terminal:
        started.append(Terminal(jobs, list(words)))
        return started[-1]

    yield start
    for opened in started:
        opened.close()


def test_breakpoint(jobs: Jobs, terminal: Any) -> None:
    """`breakpoint()` in a handler: the debugger sees the variables, and the run continues."""
    session = terminal("-m", "ovenbird", "run", "main.py:stops")
    session.type("p x + 1000")
    session.until("1041")
    session.type("c")
    assert session.end() == 0, session.text
    assert jobs.list_runs()[0]["state"] == "COMPLETED"


def test_python_m_pdb(jobs: Jobs, terminal: Any) -> None:
    """`python -m pdb -m ovenbird run`: a breakpoint in the user's file is reached."""
    session = terminal("-m", "pdb", "-m", "ovenbird", "run", "main.py:fails")
    session.type("b main.py:7")
    session.type("c")
    session.type("p x + 1000")
    session.until("1041")
    session.type("c")
    session.until("ValueError: boom")
    assert session.end() == 74, session.text
    assert jobs.list_runs()[0]["state"] == "ERROR"


@pytest.mark.parametrize("name", ["fails", "fails_async", "Fails"])
def test_post_mortem(jobs: Jobs, terminal: Any, name: str) -> None:
    """`--pdb` opens the debugger where the function has raised; the run is recorded by then."""
    session = terminal("-m", "ovenbird", "run", f"main.py:{name}", "--pdb")
    session.until("ValueError: boom")
    session.until("(Pdb) ")
    assert jobs.list_runs()[0]["state"] == "ERROR"
    os.write(session._handle, b"p y + 1000\n")
    session.until("1042")
    session.type("q")
    assert session.end() == (73 if name == "Fails" else 74), session.text


def test_no_debugger_for_what_is_not_the_functions(jobs: Jobs, terminal: Any) -> None:
    """An argument that does not fit, and a run that ends well."""
    assert terminal("-m", "ovenbird", "run", "main.py:fails", "--pdb", "--param", "z=1").end() == 77
    jobs.write("def handler(): return 1\n")
    assert terminal("-m", "ovenbird", "run", "main.py", "--pdb").end() == 0


def test_without_a_terminal(jobs: Jobs) -> None:
    """`--pdb` in a pipe starts no debugger, and logs the reason."""
    job = jobs.run(_SOURCE.replace("def fails(", "def handler("), "--pdb")
    assert (job.code, job.result["state"]) == (74, "ERROR")
    assert "--pdb: the debugger needs a terminal" in job.err


def test_the_help_says_what_is_printed(jobs: Jobs) -> None:
    """Where the return value, the log, the result file and the record go, and the statuses."""
    words = " ".join(jobs.run_verb("run", "--help").split())
    for text in ("on stdout what the function returned", "on stderr the log", "--result-file FILE", ".ovenbird", "74"):
        assert text in words


@pytest.mark.slow
@pytest.mark.parametrize(("ci", "form"), [("true", "text"), ("1", "text"), ("", "json"), ("false", "json")])
def test_the_log_is_text_where_ci_is_set(jobs: Jobs, ci: str, form: str) -> None:
    """CI logs are read by people, so they are text, also for errors before the run."""
    job = jobs.run("def handler(): return 1\n", CI=ci)
    assert job.err.startswith("{") == (form == "json"), job.err
    process = jobs.start_ovenbird("run", "missing.py", CI=ci)
    assert process.communicate(timeout=_PATIENCE)[1].startswith("{") == (form == "json")
    assert jobs.run("def handler(): return 1\n", "--log-format", "json", CI=ci).err.startswith("{")

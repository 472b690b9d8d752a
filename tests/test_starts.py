"""A forked start of `ovenbird` is what a start by exec is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import starts

TELLS = """
import json, os, signal, sys, tempfile, time

def state():
    streams = [getattr(sys, name) for name in ("__stdin__", "__stdout__", "__stderr__")]
    return {
        "argv": sys.argv[1:], "words": sys.orig_argv, "folder": os.getcwd(), "path": sys.path,
        "main": sys.modules["__main__"].__spec__.name,
        "environ": {name: text for name, text in os.environ.items() if name not in ("RUN_ID", "OVENBIRD_LOCAL_RUN")},
        "mask": oct(os.umask(0)), "zone": time.tzname, "temporary": tempfile.gettempdir(),
        "streams": [[s.encoding, s.errors, s.line_buffering, s.write_through, s.fileno(), s.isatty()] for s in streams],
        "signals": {n: str(signal.getsignal(n)).split(" at ")[0] for n in (1, 2, 3, 13, 15)},
        "descriptors": len(os.listdir("/proc/self/fd")),
    }

def handler():
    with open("state.json", "w") as file:
        json.dump(state(), file)
"""


@pytest.mark.slow
def test_the_process_is_the_same(tmp_path: Path) -> None:
    """argv, folder, environment, search path, streams, signals, umask, zone and open descriptors."""
    (tmp_path / "main.py").write_text(TELLS)
    states: list[dict[str, Any]] = []
    for fresh in (False, True):
        env = {**os.environ, "OVENBIRD_HOME": str(tmp_path / "home"), "TZ": "Asia/Tokyo", "A": "ä\nb"}
        process = starts.run("run", "main.py", cwd=tmp_path, env=env, fresh=fresh)
        assert process.returncode == 0, process.stderr
        states.append(json.loads((tmp_path / "state.json").read_text()))
    assert states[0] == states[1]


def test_a_forked_process_has_the_modules_of_a_start(tmp_path: Path) -> None:
    """Nothing is loaded beforehand that a start by exec would not have loaded when user code runs."""
    (tmp_path / "main.py").write_text("import sys\ndef handler():\n    return sorted(sys.modules)\n")
    env = {**os.environ, "OVENBIRD_HOME": str(tmp_path / "home")}
    loaded = []
    for fresh in (False, True):
        process = starts.run("run", "main.py", cwd=tmp_path, env=env, fresh=fresh)
        loaded.append(set(json.loads(process.stdout)))
    # what the fork server itself needs
    own = {
        "array",
        "_socket",
        "socket",
        "selectors",
        "select",
        "math",
        "marshal",
        "runpy",
        "pkgutil",
        "encodings.ascii",
    }
    assert loaded[0] - loaded[1] <= own


@pytest.mark.slow
@pytest.mark.parametrize("fresh", [False, True], ids=["forked", "by exec"])
def test_the_end_of_a_process_is_reported(tmp_path: Path, fresh: bool) -> None:
    """An exit status, a signal, a time limit; output of both streams, as text and bytes; input."""
    (tmp_path / "main.py").write_text(
        "import os, sys, time\n"
        "def handler(what: str):\n"
        "    print('out'); print('err', file=sys.stderr)\n"
        "    if what == 'dies': os.kill(os.getpid(), 9)\n"
        "    if what == 'waits': time.sleep(60)\n"
        "    if what == 'reads': return sys.stdin.read()\n"
        "    os._exit(7)\n"
    )
    options: dict[str, Any] = {"cwd": tmp_path, "env": {**os.environ, "OVENBIRD_HOME": str(tmp_path / "home")}}
    options["fresh"] = fresh
    ends = starts.run("run", "main.py", "--param", "what=ends", text=False, **options)
    assert (ends.returncode, ends.stdout) == (7, b"out\n")
    assert b"err\n" in ends.stderr
    assert starts.run("run", "main.py", "--param", "what=dies", **options).returncode == -9
    assert starts.run("run", "main.py", "--param", "what=reads", input="ä\n", **options).stdout == "out\nä\n\n"
    process = starts.start(("run", "main.py", "--param", "what=waits"), stdout=subprocess.PIPE, text=True, **options)
    assert process.stdout.readline() == "out\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.1)
    assert process.poll() is None
    process.kill()
    assert process.communicate(timeout=30)[0] == ""
    assert process.returncode == -9


@pytest.mark.parametrize("reason", ["a variable", "a file"])
def test_starts_that_depend_on_the_interpreter_use_exec(tmp_path: Path, reason: str) -> None:
    """With a variable that the interpreter reads, or a file that hides a module."""
    env = dict(os.environ)
    if reason == "a variable":
        env["PYTHONUTF8"] = "1"
    else:
        (tmp_path / "json.py").touch()
    with starts.start(("serve", "--help"), cwd=tmp_path, env=env, stdout=subprocess.DEVNULL) as process:
        assert isinstance(process, subprocess.Popen)
    assert sys.executable in process.args

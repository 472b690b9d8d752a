"""The log of a run: its prints and log records, stored while they are printed."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from tests.jobs import Jobs

from ovenbird.job.tee import tee_output


def test_written_text_is_printed_and_logged(tmp_path: Path) -> None:
    """Both streams go to the file in order, at once; afterwards they are restored."""
    out, err, log = io.StringIO(), io.StringIO(), tmp_path / "log"
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        with tee_output(log):
            print("one")
            print("zwei ü", file=sys.stderr)
            sys.stdout.writelines(["three\n", "four\n"])
            assert log.read_text() == "one\nzwei ü\nthree\nfour\n"
            assert not sys.stdout.isatty()
        print("after")
        assert (sys.stdout, sys.stderr) == (out, err)
    finally:
        sys.stdout, sys.stderr = before
    assert out.getvalue() == "one\nthree\nfour\nafter\n"
    assert err.getvalue() == "zwei ü\n"
    assert "after" not in log.read_text()


def test_invalid_unicode_is_logged_escaped(tmp_path: Path) -> None:
    """A lone surrogate, as in a file name that is not UTF-8, does not end the run."""
    before = sys.stdout
    sys.stdout = io.StringIO()
    try:
        with tee_output(tmp_path / "log"):
            print("a\udcff")
    finally:
        sys.stdout = before
    assert (tmp_path / "log").read_text() == "a\\udcff\n"


_TALKS = """
import logging, sys
print("imported")

def handler(context):
    print("printed")
    sys.stderr.write("to stderr\\n")
    logging.getLogger("mine").warning("logged %d", 7)
    context.logger.info_with("with fields", n=3)
    logging.getLogger("mine").debug("not shown")
    raise ValueError("the end")
"""


def test_the_log_is_stored_with_the_run(jobs: Jobs) -> None:
    """`ovenbird runs logs ID` prints what was printed, written to stderr and logged, the traceback included."""
    job = jobs.run(_TALKS)
    log = jobs.run_verb("runs", "logs", job.result["id"][:8])
    assert job.out == "imported\nprinted\n"
    printed = {*job.out.splitlines(), *job.err.splitlines()}
    assert set(log.splitlines()) == printed
    for text in ("imported", "printed", "to stderr", "logged 7", '"n":3', "ValueError: the end", "Traceback"):
        assert text in log
    assert "not shown" not in log
    assert job.result["id"] in next(line for line in job.err.splitlines() if "logged 7" in line)


def test_a_killed_run_keeps_its_log(jobs: Jobs) -> None:
    """Text written before SIGKILL is in the log, although nothing was flushed."""
    jobs.run("import os\ndef handler():\n    print('last words')\n    os.kill(os.getpid(), 9)\n")
    assert "last words" in jobs.run_verb("runs", "logs", jobs.list_runs()[0]["id"])


def test_prints_appear_at_once(jobs: Jobs) -> None:
    """A reader of stdout, which is a pipe in a container, gets each line while the run lasts."""
    jobs.write("import time\ndef handler():\n    print('begun')\n    time.sleep(3600)\n")
    process = jobs.start_ovenbird("run", "main.py")
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    assert process.poll() is None


@pytest.mark.slow
def test_the_log_is_followed_live(jobs: Jobs) -> None:
    """--follow prints lines as they come and ends with the run."""
    process, wait = jobs.start(
        "import time\nfrom pathlib import Path\ndef handler():\n    print('begun')\n"
        "    while not Path('go').exists(): time.sleep(0.02)\n    print('gone')\n"
    )
    (row,) = jobs.wait_until(jobs.list_runs)
    follower = jobs.start_ovenbird("runs", "logs", "--follow", row["id"])
    assert follower.stdout is not None
    lines = iter(follower.stdout.readline, "")
    assert next(line for line in lines if not line.startswith("{")) == "begun\n"
    assert process.poll() is None
    (jobs.folder / "go").touch()
    rest = list(lines)
    assert rest[0] == "gone\n"
    assert "COMPLETED" in rest[-1]
    assert (follower.wait(), wait().code) == (0, 0)


def test_following_a_run_that_is_killed_ends(jobs: Jobs) -> None:
    """--follow ends when the process of the run is gone."""
    process, wait = jobs.start("import time\ndef handler(): time.sleep(3600)\n")
    (row,) = jobs.wait_until(jobs.list_runs)
    follower = jobs.start_ovenbird("runs", "logs", "-f", row["id"])
    process.kill()
    wait()
    assert follower.wait(30) == 0

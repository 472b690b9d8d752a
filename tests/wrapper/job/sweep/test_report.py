"""What a sweep shows: a live table on a terminal, lines elsewhere, and a summary."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import termios
import threading
from pathlib import Path

import pytest
from tests.jobs import Jobs
from tests.starts import start
from tests.terminal import read_terminal

from ovenbird.job.sweep.outcome import Outcome
from ovenbird.job.sweep.report import Progress, _format_summary
from ovenbird.job.sweep.rows import format_rows, make_row

SOURCE = """
    import time

    def handler(n: int):
        print("printed by", n)
        if n == 3:
            raise ValueError("three \\x1b[31m")
        return "y" * 300
    """


def make_outcome(number: int, state: str = "COMPLETED") -> Outcome:
    """Return the end of a line."""
    return Outcome(number, state, 0, 1.5, varied={"n": number, "text": "x" * 300}, results={"output_0": "y" * 300})


@pytest.mark.slow
def test_a_live_table_on_a_terminal(jobs: Jobs) -> None:
    """It is drawn again in its place, within the height and the width of the terminal; then comes the summary."""
    words = ("run", jobs.write(SOURCE).name, "--grid", "n=" + ",".join(map(str, range(30))), "--parallel", "2")
    env = {"PATH": os.environ["PATH"], "OVENBIRD_HOME": str(jobs.home), "TERM": "xterm"}
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 90, 0, 0))
    process = start(words, cwd=jobs.folder, env=env, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    texts: list[bytes] = []
    reader = threading.Thread(target=lambda: texts.append(read_terminal(leader)))
    reader.start()
    process.communicate(timeout=60)
    reader.join(60)
    text = texts[0].decode().replace("\r\n", "\n")
    assert process.returncode == 74
    *frames, summary = re.split(r"\x1b\[\d+F\x1b\[J", text)
    assert len(frames) > 1
    assert max(frame.count("\n") for frame in frames) < 12
    assert all(len(line) < 90 for frame in frames for line in frame.split("\n"))
    assert any("RUNNING" in frame for frame in frames)
    assert [int(number) for number in re.findall(r"^ *(\d+)  [0-9a-f]{8}  ", summary, re.MULTILINE)] == [*range(1, 31)]
    assert re.search(r"^   4  [0-9a-f]{8}  ERROR .*ValueError: three \\x1b\[31m", summary, re.MULTILINE)
    assert "30 of 30 lines: 29 COMPLETED, 1 ERROR" in summary
    assert "printed by" not in text


@pytest.mark.slow
def test_a_table_for_ci_and_records_for_machines(jobs: Jobs) -> None:
    """Where people read the log it ends in a table; as JSON, each line of stderr is a JSON object."""
    words = ("run", jobs.write(SOURCE).name, "--grid", "n=2,3")
    out, err = jobs.start_ovenbird(*words, CI="true").communicate(timeout=60)
    assert [json.loads(line)["state"] for line in out.splitlines()] == ["COMPLETED", "ERROR"]
    assert "line 1 (n=2): COMPLETED" in err
    assert 'raise ValueError("three' in err
    assert "LINE  RUN       STATE      SECONDS  PARAMETERS  RESULT" in err
    out, err = jobs.start_ovenbird(*words).communicate(timeout=60)
    records = [json.loads(line) for line in err.splitlines()]
    assert [(record.get("line"), record.get("state")) for record in records[:2]] == [(1, "COMPLETED"), (2, "ERROR")]
    assert (records[-1]["lines"], records[-1]["ERROR"]) == (2, 1)


@pytest.mark.slow
def test_nobody_reads_stdout(jobs: Jobs) -> None:
    """A reader that has gone ends no run; a full disk is an error of its own."""
    words = ("run", jobs.write("def handler(n: int):\n    return n\n").name, "--grid", "n=1,2,3")
    reader, writer = os.pipe()
    os.close(reader)
    process = jobs.start_ovenbird(*words, stdout=writer)
    os.close(writer)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    full = os.open("/dev/full", os.O_WRONLY)
    process = jobs.start_ovenbird(*words, stdout=full)
    os.close(full)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 79
    assert "cannot write to stdout: No space left on device" in err
    assert [run["state"] for run in jobs.list_runs()] == ["COMPLETED"] * 6


def test_many_lines_in_the_summary() -> None:
    """Those that failed are always among the rows; the rest is counted."""
    rows = [make_row(make_outcome(number, "ERROR" if number % 100 == 0 else "COMPLETED")) for number in range(1, 1001)]
    text = _format_summary(rows, 0)
    assert text.count("ERROR") == 10
    assert text.count("COMPLETED") == 190
    assert text.endswith("\n800 further lines are not shown here")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_rows_fit_the_terminal(width: int) -> None:
    """Parameters and results are cut."""
    text = format_rows([make_row(make_outcome(number)) for number in (1, 100)], width)
    assert max(map(len, text.split("\n"))) <= width
    assert "n=100" in text


def test_the_state_of_a_sweep() -> None:
    """One line counts the states."""
    progress = Progress(3)
    progress.end(make_outcome(1))
    progress.end(make_outcome(2, "ERROR"))
    assert progress.describe().startswith("2 of 3 lines: 1 COMPLETED, 1 ERROR; ")


def test_stored_outputs_in_short(tmp_path: Path) -> None:
    """A stored output is shown by its type and the beginning of its id."""
    key = "store://default/model/sklearn/wine:0123456789abcdef0123456789abcdef"
    outcome = Outcome(1, "COMPLETED", 0, 1.0, outputs={"wine": key, "other": str(tmp_path)})
    assert make_row(outcome).cells[-1].startswith("wine=model:01234567 other=")

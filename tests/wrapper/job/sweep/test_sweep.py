"""A run for each line and each combination of values, from one import."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.disks import disk
from tests.jobs import Jobs

pytestmark = pytest.mark.slow
ADDS = "def handler(n: int, common: str = 'none'):\n    return f'{n} {common}'\n"
COUNTS_IMPORTS = """
import os
import random
from pathlib import Path

with Path("imports").open("a") as file:
    file.write("x")


def handler(n: int):
    print("said", n)
    os.system("echo from a child process")
    return {"n": n, "pid": os.getpid(), "random": random.random()}
"""


class Sweep:
    """A sweep that has ended: exit status, the objects on stdout by line, and stderr."""

    def __init__(self, process: subprocess.Popen[str], text: str | None = None) -> None:
        out, self.err = process.communicate(text, timeout=60)
        self.code = process.returncode
        self.lines: dict[int, dict[str, Any]] = {row["line"]: row for row in map(json.loads, out.splitlines())}

    @property
    def states(self) -> list[str]:
        """Return the states of all lines in their order."""
        return [row["state"] for _, row in sorted(self.lines.items())]


def run_sweep(jobs: Jobs, source: str, *flags: str, **environ: str) -> Sweep:
    """Run a sweep of a function to its end."""
    return Sweep(jobs.start_ovenbird("run", jobs.write(source).name, *flags, **environ))


def test_every_line_is_a_run_of_its_own(jobs: Jobs) -> None:
    """The module is imported once, each line has a process, a record, a log and random numbers of its own."""
    (jobs.folder / "each.jsonl").write_text('{"n": 1}\n\n{"n": 2}\n{"n": 3}\n')
    sweep = run_sweep(jobs, COUNTS_IMPORTS, "--each", "each.jsonl", "--parallel", "2", "--tag", "stage=try")
    assert (sweep.code, sweep.states) == (0, ["COMPLETED"] * 3), sweep.err
    assert (jobs.folder / "imports").read_text() == "x"
    results = [row["results"]["output_0"] for row in sweep.lines.values()]
    assert len({row["pid"] for row in results}) == len({row["random"] for row in results}) == 3
    assert {number: row["parameters"] for number, row in sweep.lines.items()} == {1: {"n": 1}, 3: {"n": 2}, 4: {"n": 3}}
    record = jobs.read_entity("runs", sweep.lines[3]["key"])
    assert record["status"]["state"] == "COMPLETED"
    assert record["status"]["results"]["output_0"]["n"] == 2
    assert record["status"]["launch"]["line"] == 3
    log = jobs.run_verb("runs", "logs", sweep.lines[3]["id"])
    assert "said 2" in log
    assert "from a child process" in log
    assert "said 3" not in log
    assert "said" not in sweep.err
    runs = jobs.list_runs()
    assert len(runs) == 3
    assert len({run["function"] for run in runs}) == 1
    assert {run["tags"]["stage"] for run in runs} == {"try"}
    tag = runs[0]["tags"]["sweep"]
    assert len(json.loads(jobs.run_verb("runs", "list", "--where", f"sweep={tag}"))) == 3


def test_lines_from_stdin(jobs: Jobs) -> None:
    """`--each -` reads all of stdin first; the function finds it empty."""
    jobs.write("import sys\ndef handler(n: int, common: str = 'x'):\n    return [n, common, sys.stdin.read()]\n")
    command = ("run", "main.py", "--each", "-", "--param", "common=all", "--param", "n=9")
    process = subprocess.Popen(
        [os.sys.executable, "-m", "ovenbird", *command], cwd=jobs.folder, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "OVENBIRD_HOME": str(jobs.home)},
    )  # fmt: skip
    sweep = Sweep(process, '{"n": 1}\n{"n": 2, "common": "own"}\n')
    assert sweep.code == 0, sweep.err
    assert [row["results"]["output_0"] for _, row in sorted(sweep.lines.items())] == [[1, "all", ""], [2, "own", ""]]


def test_a_grid(jobs: Jobs) -> None:
    """Values are typed as those of `--param`: JSON where the hint takes it, else text."""
    sweep = run_sweep(jobs, ADDS, "--grid", "n=1,2", "--grid", "common=007,[x]")
    assert [row["results"]["output_0"] for _, row in sorted(sweep.lines.items())] == [
        "1 007",
        "1 [x]",
        "2 007",
        "2 [x]",
    ]
    sweep = run_sweep(jobs, ADDS, OVENBIRD_GRID='{"n": [5, 6], "common": "one"}')
    assert [row["results"]["output_0"] for _, row in sorted(sweep.lines.items())] == ["5 one", "6 one"]


def test_lines_that_fit_no_handler(jobs: Jobs) -> None:
    """All are named with their numbers, and no run is recorded."""
    (jobs.folder / "each.jsonl").write_text('{"n": 1}\n{"n": "x"}\n{"m": 1}\n')
    sweep = run_sweep(jobs, ADDS, "--each", "each.jsonl")
    assert (sweep.code, sweep.lines) == (77, {})
    assert "line 2: parameters do not fit their hints: n: " in sweep.err
    assert "line 3: the arguments do not fit: 'm' is not an argument of the handler" in sweep.err
    assert jobs.list_runs() == []


def test_a_line_that_fails_and_one_that_is_killed(jobs: Jobs) -> None:
    """The others are run all the same; the exit status is the highest of the runs'."""
    source = """
        import os, signal

        def handler(n: int):
            if n == 1:
                raise ValueError("one")
            if n == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            if n == 3:
                os._exit(0)
            return n
        """
    sweep = run_sweep(jobs, source, "--grid", "n=0,1,2,3,4", "--parallel", "2")
    assert sweep.states == ["COMPLETED", "ERROR", "ERROR", "ERROR", "COMPLETED"]
    assert [sweep.lines[number]["status"] for number in range(1, 6)] == [0, 74, 137, 1, 0]
    assert sweep.code == 137
    assert sweep.lines[2]["error"]["message"] == "ValueError: one"
    assert "was killed by SIGKILL" in sweep.lines[3]["error"]["message"]
    states = {run["parameters"]["n"]: run["state"] for run in jobs.list_runs()}
    assert states == {0: "COMPLETED", 1: "ERROR", 2: "ERROR", 3: "ERROR", 4: "COMPLETED"}
    failing = run_sweep(jobs, source, "--grid", "n=0,1")
    assert failing.code == 74


def test_a_module_that_cannot_be_forked(jobs: Jobs) -> None:
    """With a thread at import each line imports the module in a process without it, and the log says why."""
    thread = "threading.Thread(target=time.sleep, args=(60,), daemon=True, name='poller').start()"
    source = f"import threading, time\n{thread}\n{COUNTS_IMPORTS}"
    sweep = run_sweep(jobs, source, "--grid", "n=1,2,3", "--parallel", "2")
    assert (sweep.code, sweep.states) == (0, ["COMPLETED"] * 3), sweep.err
    assert "main has left the thread `poller`" in sweep.err
    assert (jobs.folder / "imports").read_text() == "xxxx"


def test_a_module_that_does_not_load(jobs: Jobs) -> None:
    """Nothing is run, and the status is that of a single run."""
    sweep = run_sweep(jobs, "raise ValueError('broken')\n", "--grid", "n=1,2,3")
    assert (sweep.code, sweep.lines) == (72, {})
    assert "broken" in sweep.err
    sweep = run_sweep(jobs, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "--grid", "n=1,2,3")
    assert (sweep.code, sweep.lines) == (137, {})
    assert "was killed by SIGKILL" in sweep.err


def test_a_module_that_goes_to_another_folder(jobs: Jobs) -> None:
    """Paths of flags are meant where the sweep was started, and the runs are in the store of that folder."""
    source = """
        import os
        from ovenbird import handler as named

        os.makedirs("elsewhere", exist_ok=True)
        os.chdir("elsewhere")

        @named(outputs=["found"])
        def handler(n: int, data: bytes):
            return {"folder": os.path.basename(os.getcwd()), "data": data.decode()}
        """
    (jobs.folder / "data.txt").write_text("hello")
    flags = ("--input", "data=data.txt", "--output-dir", "out", "--result-file", "all.jsonl")
    sweep = run_sweep(jobs, source, "--grid", "n=1,2", *flags, OVENBIRD_HOME="home")
    assert sweep.code == 0, sweep.err
    results = {"folder": "elsewhere", "data": "hello"}
    assert [json.loads((jobs.folder / f"out/{number}/found.json").read_text()) for number in (1, 2)] == [results] * 2
    assert len((jobs.folder / "all.jsonl").read_text().splitlines()) == 2
    assert len(jobs.list_runs()) == 2


SLOW = """
    import time
    from pathlib import Path

    def handler(n: int, stubborn: bool = False):
        Path(f"started-{n}").touch()
        while True:
            try:
                time.sleep(60)
            except BaseException:
                Path(f"stopped-{n}").touch()
                if not stubborn:
                    raise
    """


def begin_slow_sweep(jobs: Jobs, *flags: str) -> subprocess.Popen[str]:
    """Start four lines, two at once, and wait until both run."""
    process = jobs.start_ovenbird("run", jobs.write(SLOW).name, "--grid", "n=1,2,3,4", "--parallel", "2", *flags)
    jobs.wait_until(lambda: (jobs.folder / "started-1").exists() and (jobs.folder / "started-2").exists())
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_all(jobs: Jobs, number: signal.Signals) -> None:
    """What runs is stopped as a single run is; what has not begun is not run; the summary is told all the same."""
    process = begin_slow_sweep(jobs)
    process.send_signal(number)
    sweep = Sweep(process)
    assert (sweep.code, sweep.states) == (128 + number, ["STOPPED", "STOPPED", "NOT RUN", "NOT RUN"])
    assert sweep.lines[1]["error"]["message"] == f"stopped by {number.name}"
    assert sweep.lines[1]["status"] == 128 + number
    assert sweep.lines[3]["key"] is None
    assert (jobs.folder / "stopped-1").exists()
    assert not (jobs.folder / "started-3").exists()
    assert [run["state"] for run in jobs.list_runs()] == ["STOPPED", "STOPPED"]
    assert "2 NOT RUN, 2 STOPPED" in sweep.err


def test_a_second_signal_kills(jobs: Jobs) -> None:
    """A function that does not let itself be stopped is killed, and its run recorded as stopped."""
    process = begin_slow_sweep(jobs, "--param", "stubborn=true", "--grace", "0")
    process.send_signal(signal.SIGTERM)
    jobs.wait_until(lambda: (jobs.folder / "stopped-1").exists() and (jobs.folder / "stopped-2").exists())

    def kill() -> bool:
        process.send_signal(signal.SIGTERM)
        return process.poll() is not None

    jobs.wait_until(kill)
    sweep = Sweep(process)
    assert (sweep.code, sweep.states) == (143, ["STOPPED", "STOPPED", "NOT RUN", "NOT RUN"])
    assert sweep.lines[1]["status"] == 137
    assert [run["state"] for run in jobs.list_runs()] == ["STOPPED", "STOPPED"]


def test_results_and_outputs_of_each_line(jobs: Jobs) -> None:
    """`--output-dir` has a folder for each line, `--result-file` a line for each, `--name` the number at its end."""
    source = """
        from ovenbird import handler as named

        @named(outputs=["table"])
        def handler(n: int):
            return {"n": n}
        """
    flags = ("--output-dir", "out", "--result-file", "all/results.jsonl", "--name", "try")
    sweep = run_sweep(jobs, source, "--grid", "n=5,6", *flags)
    assert sweep.code == 0, sweep.err
    assert [json.loads((jobs.folder / f"out/{number}/table.json").read_text()) for number in (1, 2)] == [
        {"n": 5},
        {"n": 6},
    ]
    rows = [json.loads(line) for line in (jobs.folder / "all/results.jsonl").read_text().splitlines()]
    assert {row["line"]: row for row in rows} == sweep.lines
    assert {run["name"] for run in jobs.list_runs()} == {"try-1", "try-2"}
    assert jobs.read_entity("runs", "try-2")["status"]["parameters"] == {"n": 6}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--pdb",), "`--pdb` is for one run"),
        (("--each", "x.jsonl", "--index", "1"), "`--index` takes one line of `--each`"),
        (("--result-file", "main.py"), "is a file that the function is made of"),
    ],
)
def test_flags_that_fit_no_sweep(jobs: Jobs, flags: tuple[str, ...], message: str) -> None:
    """They are refused before anything is read: exit status 70."""
    sweep = run_sweep(jobs, ADDS, "--grid", "n=1,2", *flags)
    assert (sweep.code, sweep.lines) == (70, {})
    assert message in sweep.err


def test_a_run_of_a_sweep_can_be_run_again(jobs: Jobs) -> None:
    """The record of a line has its parameters, so that it is repeated alone."""
    run_sweep(jobs, ADDS, "--grid", "n=1,2", "--name", "a")
    assert "2 none" in jobs.run_verb("runs", "rerun", "a-2")


def test_secrets_are_masked(jobs: Jobs) -> None:
    """What is told of a line hides values of secret names, as listings do."""
    sweep = run_sweep(
        jobs, "def handler(api_token: str):\n    return len(api_token)\n", "--grid", "api_token=abcd,efgh"
    )
    assert sweep.lines[1]["parameters"] == {"api_token": "***"}
    assert "abcd" not in sweep.err
    assert sweep.lines[1]["results"] == {"output_0": 4}


def test_a_full_disk(jobs: Jobs, tmp_path: Path) -> None:
    """Each run that cannot be recorded is told, with the status of that; the sweep goes on to its end."""
    with disk(tmp_path / "small", "200k") as folder:
        filled = "def handler(n: int, project):\n    project.log_artifact('data', data=b'x' * 60_000)\n    return n\n"
        sweep = run_sweep(jobs, filled, "--grid", "n=" + ",".join(map(str, range(8))), OVENBIRD_HOME=str(folder))
    assert sweep.code in (76, 79), sweep.err
    assert len(sweep.lines) == 8
    assert sweep.states[-1] == "ERROR"
    assert "space" in sweep.lines[8]["error"]["message"] or "full" in sweep.lines[8]["error"]["message"]

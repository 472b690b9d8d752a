"""`Function.map`: one import, a process for each run, in the order of the list; nothing outlives the loop."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.service import wait_until

import ovenbird as ob
from ovenbird import Run
from ovenbird.errors import ArgumentsError, LoadError, OvenbirdError, RunFailedError, SettingsError

pytestmark = pytest.mark.slow
SOURCE = """
import os, pathlib, time
with open("imports", "a") as file:
    file.write("x")

def handler(number: int, factor: int = 1):
    pathlib.Path(f"began-{number}").write_text(str(os.getpid()))
    if number == 3:
        raise ValueError("three")
    if number == 4:
        os._exit(9)
    if number >= 90:
        time.sleep(600)
    return number * factor
"""
KILLED = """
import atexit, os, signal

def handler(number: int):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    atexit.register(os.kill, os.getpid(), signal.SIGKILL)
    return number
"""
SCRIPT = """
import ovenbird as ob
for run in ob.function("many.py:handler").map([{"number": 90}, {"number": 91}, {"number": 92}], parallel=2):
    pass
"""


STUBBORN = """
import os, pathlib, time

def handler(number: int):
    pathlib.Path(f"began-{number}").write_text(str(os.getpid()))
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pathlib.Path(f"asked-{number}").touch()
"""
LEAVING = """
import ovenbird as ob
try:
    list(ob.function("stubborn.py:handler").map([{"number": 1}, {"number": 2}]))
except KeyboardInterrupt:
    print("left", flush=True)
input()
"""


@pytest.fixture(autouse=True)
def _source(folder: Path) -> None:
    (folder / "many.py").write_text(SOURCE)


def has_begun(folder: Path, *numbers: int) -> bool:
    """Return whether the runs of these numbers have begun, and have written which process they are."""
    files = [folder / f"began-{number}" for number in numbers]
    return all(file.is_file() and file.stat().st_size for file in files)


def has_ended(folder: Path, *numbers: int) -> bool:
    """Return whether the processes of these runs are gone."""
    return not any(Path(f"/proc/{(folder / f'began-{number}').read_text()}").exists() for number in numbers)


def _append_all(runs: list[Run], many: Iterable[Run]) -> None:
    for run in many:
        runs.append(run)  # one after the other: the last step raises


def _open_project() -> Any:
    from ovenbird.platform.project.project import Project
    from ovenbird.platform.store_factory import open_store

    return Project(open_store("local", os.environ, 1.0), "default", os.environ)


def test_runs_come_in_order_and_a_failure_stops_no_other(folder: Path) -> None:
    """The function is imported once; each run has a process of its own; the error at the end names what failed."""
    runs: list[Run] = []
    many = ob.function("many.py:handler").map([{"number": n} for n in range(1, 7)], params={"factor": 10})
    with pytest.raises(RunFailedError, match=r"2 of 6 runs have failed: .*'ValueError: three'") as caught:
        _append_all(runs, many)
    assert [run.status.state for run in runs] == ["COMPLETED"] * 2 + ["ERROR"] * 2 + ["COMPLETED"] * 2
    assert [run.value for run in runs if run.status.state == "COMPLETED"] == [10, 20, 50, 60]
    assert "ended with 9" in runs[3].status.error.message
    assert (caught.value.run.id, 'raise ValueError("three")' in caught.value.cause) == (runs[2].id, True)
    assert repr(many) == "<RunMap of 6 runs, 6 read>"
    assert "runs 6  read 6  failed 2" in many._repr_mimebundle_()["text/plain"]
    assert (folder / "imports").read_text() == "x"
    assert len({run.status.pid for run in runs}) == 6


def test_a_process_that_is_killed_after_its_run_has_ended_changes_no_record(folder: Path) -> None:
    """What is recorded is the end of the run, however its process ends after it; a run that has not ended is lost."""
    (folder / "killed.py").write_text(KILLED)
    runs = list(ob.function("killed.py:handler").map([{"number": 1}, {"number": 2}, {"number": 3}], check=False))
    assert [run.state for run in runs] == ["COMPLETED", "ERROR", "COMPLETED"]
    assert [run.value for run in runs if run.state == "COMPLETED"] == [1, 3]
    assert runs[1].error is not None
    assert runs[1].error.type == "ProcessLost"
    assert len({run.spec.function for run in runs}) == 1


def test_runs_come_as_they_end(folder: Path) -> None:
    """With `ordered=False` a run that takes long holds up no other; `check=False` raises nothing."""
    many = ob.function("many.py:handler").map(
        [{"number": 90}, {"number": 1}, {"number": 3}], ordered=False, check=False
    )
    with many:
        assert [next(many).status.parameters["number"] for _ in range(2)] == [1, 3]
        assert has_begun(folder, 90)
    assert has_ended(folder, 90)


def test_a_loop_that_is_left_stops_all(folder: Path) -> None:
    """`break` ends the runs that go on, which are STOPPED; those that have not begun are never run."""
    for run in ob.function("many.py:handler").map([{"number": n} for n in (1, 90, 91, 92)]):
        assert run.value == 1
        wait_until(lambda: has_begun(folder, 90, 91), lambda: "the runs have not begun")
        break
    assert has_ended(folder, 90, 91)
    assert not has_begun(folder, 92)
    assert sorted(run.status.state for run in _open_project().list_runs()) == ["COMPLETED", "STOPPED", "STOPPED"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "killed"])
def test_nothing_outlives_its_caller(folder: Path, number: signal.Signals) -> None:
    """Ctrl-C raises KeyboardInterrupt once all are stopped; a caller that is killed takes them with it."""
    script = folder / "script.py"
    script.write_text(SCRIPT)
    with subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: has_begun(folder, 90, 91), lambda: "the runs have not begun")
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == -number
    assert ("KeyboardInterrupt" in err) == (number == signal.SIGINT)
    wait_until(lambda: has_ended(folder, 90, 91), lambda: "the runs go on")
    assert not has_begun(folder, 92)
    assert [run.status.state for run in _open_project().list_runs()] == ["STOPPED", "STOPPED"]


@pytest.mark.parametrize(("params_list", "options", "error", "text"), [
    pytest.param([{"number": 1}, {"nmber": 2}], {}, ArgumentsError, "line 2: .*'nmber'", id="name"),
    pytest.param([{"number": "x"}], {}, ArgumentsError, "line 1: ", id="value"),
    pytest.param([{"number": 1}, 5], {}, ArgumentsError, "run 2: expected a mapping", id="number"),
    pytest.param({"number": 1}, {}, ArgumentsError, "takes a list of parameters", id="mapping"),
    pytest.param([{"number": object()}], {}, ArgumentsError, "run 1: .*type object", id="object"),
    pytest.param([{1: 1}], {}, ArgumentsError, "a name that is no text: 1", id="key"),
    pytest.param([{"number": 1}], {"params": {"factor": object()}}, ArgumentsError, "type object", id="shared"),
    pytest.param([{"number": 1}], {"params": 5}, ArgumentsError, "takes a mapping", id="params"),
    pytest.param([{"number": 1}], {"init": 5}, ArgumentsError, "init= takes a mapping", id="init"),
    pytest.param([{"number": 1}], {"parallel": 0}, ArgumentsError, "parallel=0", id="parallel"),
    pytest.param([{"number": 1}], {"on": "here"}, SettingsError, "map runs on=", id="place"),
    pytest.param([{"number": 1}], {"paralel": 3}, SettingsError, "no option 'paralel'", id="option"),
])  # fmt: skip
def test_wrong_parameters_are_refused(
    folder: Path, params_list: Any, options: dict[str, Any], error: type[OvenbirdError], text: str
) -> None:
    """All are checked before the first run; the error says which one is meant."""
    with pytest.raises(error, match=text):
        list(ob.function("many.py:handler").map(params_list, **options))
    assert not has_begun(folder, 1)


def test_a_second_ctrl_c_leaves_no_run_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that do not stop are killed at once, while their caller goes on."""
    monkeypatch.setenv("OVENBIRD_GRACE", "60s")
    (folder / "stubborn.py").write_text(STUBBORN)
    command = [sys.executable, "-c", LEAVING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        wait_until(lambda: has_begun(folder, 1, 2), lambda: "the runs have not begun")
        process.send_signal(signal.SIGINT)
        wait_until(lambda: len(list(folder.glob("asked-*"))) == 2, lambda: "the runs were not asked to stop")
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "left\n"
        wait_until(lambda: has_ended(folder, 1, 2), lambda: "the runs go on")
        process.communicate("\n", timeout=60)


def test_few_failed_runs_are_held() -> None:
    """The error counts all that have failed; of the runs only those that it names are held."""
    references: list[weakref.ref[Run]] = []
    many = ob.function("many.py:handler").map([{"number": 3}] * 7)
    with pytest.raises(RunFailedError, match=r"7 of 7 runs have failed: .*; and 2 more"):
        references.extend(weakref.ref(run) for run in many)
    gc.collect()
    assert len(references) == 7
    assert sum(reference() is not None for reference in references) == 5


def test_no_runs_and_a_module_that_cannot_be_imported(folder: Path) -> None:
    """An empty list is no run; an import that fails raises its error."""
    assert list(ob.function("many.py:handler").map([])) == []
    (folder / "broken.py").write_text("1 / 0\ndef handler(): ...\n")
    with pytest.raises(LoadError, match="ZeroDivisionError"):
        list(ob.function("broken.py:handler").map([{}]))

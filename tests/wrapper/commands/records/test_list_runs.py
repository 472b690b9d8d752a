"""`ovenbird runs list`: columns, conditions, and the runs that never called their function."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from tests.jobs import Jobs

from ovenbird.commands.records.record_verbs import main
from ovenbird.errors import InputError
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.store import format_timestamp

Rows = Callable[..., list[dict[str, Any]]]
Record = Callable[..., str]


@pytest.fixture
def trained_runs(record_run: Record) -> list[str]:
    """Three runs: ids, oldest first."""
    return [
        record_run({"n": 1, "data": "a"}, {"scores": {"accuracy": 0.5}}, {"loss": [3.0, 2.5]}, name="first"),
        record_run({"n": 2, "data": "a"}, {"scores": {"accuracy": 0.75}}, {"loss": [2.0, 1.5]}, name="second",
                 tags={"stage": "dev", "keep": ""}, note="twice as deep"),
        record_run({"x": True}, {"output_0": 7}, function="other"),
    ]  # fmt: skip


def test_json_has_what_went_in_and_what_came_out(trained_runs: list[str], rows: Rows) -> None:
    """Each row has parameters, results, last metrics, name, tags and note, besides its key, state and duration."""
    other, second, _ = rows()
    assert (second["id"], second["name"], second["state"]) == (trained_runs[1], "second", "COMPLETED")
    assert second["parameters"] == {"n": 2, "data": "a"}
    assert (second["results"], second["metrics"]) == ({"scores": {"accuracy": 0.75}}, {"loss": 1.5})
    assert (second["tags"], second["note"]) == ({"stage": "dev", "keep": ""}, "twice as deep")
    assert (other["name"], other["metrics"]) == (trained_runs[2], {})
    assert second["key"].endswith(f"/{trained_runs[1]}:{trained_runs[1]}")
    assert second["seconds"] >= 0


def test_a_terminal_gets_what_differs(trained_runs: list[str], terminal: Callable[..., str]) -> None:
    """Columns for the parameters that differ, the results and the last metrics; `data` is the same, so it has none."""
    head, *lines = terminal("runs", "list", "--function", "train", columns=200).splitlines()
    assert head.split() == ["ID", "NAME", "STATE", "FUNCTION", "STARTED", "TOOK", "n", "accuracy", "loss"]
    assert [line.split()[1] for line in lines] == ["second", "first"]
    assert [line.split()[-3:] for line in lines] == [["2", "0.75", "1.5"], ["1", "0.5", "2.5"]]
    assert trained_runs[1].startswith(lines[0].split()[0])
    narrow = terminal("runs", "list", columns=80).splitlines()
    assert max(map(len, narrow)) <= 80


def test_columns(trained_runs: list[str], rows: Rows, terminal: Callable[..., str]) -> None:
    """Columns match by whole names or by their ends, in JSON and on a terminal; an error lists the known ones."""
    columns = "name,n,accuracy,metric.loss,tag.stage"
    assert rows("--columns", columns)[1:] == [
        {"name": "second", "n": 2, "accuracy": 0.75, "metric.loss": 1.5, "tag.stage": "dev"},
        {"name": "first", "n": 1, "accuracy": 0.5, "metric.loss": 2.5, "tag.stage": None},
    ]
    assert terminal("runs", "list", "--columns", "name,loss").splitlines()[1:] == ["", "second   1.5", "first    2.5"]
    with pytest.raises(InputError, match=r"no run listed has a column 'los' \(there are: .*metric.loss"):
        main(["runs", "list", "--columns", "los"])


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (("--where", "n=2"), ["second"]),
        (("--where", "param.n=2", "--where", "data=a"), ["second"]),
        (("--where", "n=2", "--where", "data=b"), []),
        (("--where", "accuracy=0.5"), ["first"]),
        (("--where", "loss=2.50"), ["first"]),
        (("--where", "tag.stage=dev"), ["second"]),
        (("--where", "keep="), ["second"]),
        (("--where", "x=true"), [None]),
        (("--where", "x=1"), []),
        (("--where", "name=first"), ["first"]),
        (("--name", "first"), ["first"]),
        (("--function", "train"), ["second", "first"]),
        (("--function", "absent"), []),
        (("--since", "1h"), [None, "second", "first"]),
        (("--since", "2999-01-01"), []),
        (("--since", "2020-01-01T00:00:00Z", "--limit", "1"), [None]),
        (("--state", "error"), []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_conditions(trained_runs: list[str], rows: Rows, flags: tuple[str, ...], names: list[str | None]) -> None:
    """Runs are chosen by parameters, results, metrics, tags, function, name, state and time."""
    assert [row["name"] if row["name"] != row["id"] else None for row in rows(*flags)] == names


@pytest.mark.parametrize("flags", [("--since", "soon"), ("--where", "n"), ("--columns", ","), ("--limit", "x")])
def test_what_is_no_condition(store: LocalStore, flags: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """The message says what was expected."""
    assert main(["runs", "list", *flags]) == 70
    assert "expected" in capsys.readouterr().err


def test_since_is_when_a_run_began(store: LocalStore, record_run: Record, rows: Rows) -> None:
    """A run of the day before is left out by an age of hours."""
    record_run(status={"started": format_timestamp(1_700_000_000)})
    new = record_run()
    assert [row["id"] for row in rows("--since", "12h")] == [new]


def test_secrets_are_masked(record_run: Record, rows: Rows) -> None:
    """The value of a parameter with a secret name is in no row and no column."""
    record_run({"api_key": "s3cr3t"}, {"url": "https://u:s3cr3t@h/x"})
    assert "s3cr3t" not in json.dumps(rows())
    assert rows("--columns", "api_key") == [{"api_key": "***"}]


def test_a_damaged_record_hides_no_other(store: LocalStore, trained_runs: list[str], rows: Rows) -> None:
    """It is listed with the fields of the entity table, and other runs are still found by name and id."""
    with sqlite3.connect(store.path) as connection:
        sequence = connection.execute("SELECT seq FROM entity WHERE id = ?", (trained_runs[1],)).fetchone()
        connection.execute("UPDATE body SET text = ? WHERE seq = ?", (b"not JSON", *sequence))
    connection.close()
    other, damaged, first = rows("--versions")
    assert (damaged["id"], damaged["state"], damaged["parameters"]) == (trained_runs[1], "COMPLETED", {})
    assert (other["id"], first["name"]) == (trained_runs[2], "first")
    assert rows("--name", "first")[0]["id"] == trained_runs[0]


@pytest.mark.slow
def test_more_runs_than_a_page(store: LocalStore, record_run: Record, rows: Rows) -> None:
    """Runs of an older page are listed too."""
    first = record_run({"n": 0})
    for n in range(1, 205):
        record_run({"n": n})
    assert [row["id"] for row in rows("--where", "n=0")] == [first]
    assert len(rows("--limit", "0")) == 205
    assert len(rows()) == 100


_TARGET = (
    "def init(context, size: int = 1):\n    if size > 1: raise ValueError('too large')\ndef handler(n: int): pass\n"
)


@pytest.mark.slow
def test_a_run_that_never_called_its_function_is_not_listed(jobs: Jobs) -> None:
    """A misspelt parameter, a missing file, a module that does not load: on stderr, and a row with --all only."""
    for flags in (("--param", "m=1"), ("--param", "n=1", "--input", "data=absent.csv"), ("--param", "n=x")):
        job = jobs.run(_TARGET, *flags)
        assert job.code in (77, 78)
        assert "the function was not called" in job.err
        assert job.result["state"] == "ERROR"
    assert jobs.run("import nowhere_at_all\ndef handler(): pass\n").code == 72
    assert jobs.list_runs() == []
    assert json.loads(jobs.run_verb("runs", "list", "--state", "error")) == []
    hidden = json.loads(jobs.run_verb("runs", "list", "--all"))
    assert [row["called"] for row in hidden] == [False] * 4

    assert jobs.run(_TARGET, "--param", "n=1", "--init", "size=2").code == 73
    assert "was not called" not in jobs.run(_TARGET, "--param", "n=1").err
    assert [row["state"] for row in jobs.list_runs()] == ["COMPLETED", "ERROR"]
    assert json.loads(jobs.run_verb("runs", "show", "latest"))["status"]["state"] == "COMPLETED"


def test_a_killed_run_is_listed(jobs: Jobs) -> None:
    """Its function was called, though nobody could record that."""
    jobs.run("import os, signal\ndef handler(): os.kill(os.getpid(), signal.SIGKILL)\n")
    assert [row["state"] for row in jobs.list_runs()] == ["ERROR"]


def test_parameters_are_listed_as_the_function_got_them(jobs: Jobs) -> None:
    """`007` for an `int` is 7, so that it does not differ from a run with `7`."""
    for text in ("007", "7"):
        jobs.run("def handler(n: int, m: int = 1): return n\n", "--param", f"n={text}")
    assert [row["parameters"] for row in jobs.list_runs()] == [{"n": 7, "m": 1}] * 2

"""`ovenbird runs compare`: runs side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.jobs import Jobs

from ovenbird.commands.records.record_verbs import main
from ovenbird.errors import InputError
from ovenbird.platform.local.store import LocalStore

Record = Callable[..., str]


def _fields(text: str) -> dict[str, tuple[list[Any], bool]]:
    return {field["name"]: (field["values"], field["differs"]) for field in json.loads(text)["fields"]}


@pytest.fixture
def pair(record_run: Record) -> None:
    """Two runs that differ in most things."""
    packages = {"numpy": "1.26.4", "pandas": "2.2.3"}
    record_run(
        {"n": 1, "data": "a", "token": "s3cr3t"}, {"scores": {"accuracy": 0.5}}, {"loss": [3.0, 2.5]},
        status={"provenance": {"python": "3.11.1", "packages": packages, "lock": "sha256:1"}}, name="first",
    )  # fmt: skip
    record_run(
        {"n": 2, "data": "a", "extra": True, "token": "s3cr3t"}, {"scores": {"accuracy": 0.75}}, {"loss": [2.0, 1.5]},
        status={"provenance": {"python": "3.12.1", "packages": {**packages, "numpy": "2.0.1"}, "lock": "sha256:1"}},
        name="second", tags={"stage": "dev"}, note="deeper", state="ERROR",
    )  # fmt: skip


def test_every_field_with_its_difference(pair: None, run_verb: Callable[..., str]) -> None:
    """Parameters, results, last metrics, tags, code, Python, and the packages that differ."""
    fields = _fields(run_verb("runs", "compare", "first", "second", "--json"))
    assert fields["param.n"] == ([1, 2], True)
    assert fields["param.data"] == (["a", "a"], False)
    assert fields["param.extra"] == ([None, True], True)
    assert fields["param.token"] == (["***", "***"], False)
    assert fields["result.scores.accuracy"] == ([0.5, 0.75], True)
    assert fields["metric.loss"] == ([2.5, 1.5], True)
    assert fields["tag.stage"] == ([None, "dev"], True)
    assert fields["state"] == (["COMPLETED", "ERROR"], True)
    assert fields["note"] == ([None, "deeper"], True)
    assert fields["python"] == (["3.11.1", "3.12.1"], True)
    assert fields["package.numpy"] == (["1.26.4", "2.0.1"], True)
    assert "package.pandas" not in fields
    assert fields["code.lock"] == (["sha256:1", "sha256:1"], False)
    assert fields["code.handler"] == (["main:train", "main:train"], False)
    assert fields["name"] == (["first", "second"], False)


def test_a_table_marks_what_differs(pair: None, run_verb: Callable[..., str]) -> None:
    """A `*` before each line that differs; with --changed nothing else but the names."""
    lines = run_verb("runs", "compare", "first", "second").splitlines()
    result = {line[3:].split()[0]: (line[0], line[3:].split()[1:]) for line in lines[1:] if line}
    assert result["param.n"] == ("*", ["1", "2"])
    assert result["param.data"] == (" ", ["a", "a"])
    assert result["metric.loss"] == ("*", ["2.5", "1.5"])
    changed = run_verb("runs", "compare", "first", "second", "--changed").splitlines()[1:]
    assert {line[0] for line in changed if line[3:].split()[0] not in ("id", "name")} == {"*"}
    assert "data" not in "".join(changed)


def test_more_than_two(record_run: Record, run_verb: Callable[..., str]) -> None:
    """Any number of runs is compared, also `latest`; a single run is an error, and so is a missing one."""
    ids = [record_run({"n": n}) for n in range(3)]
    fields = _fields(run_verb("runs", "compare", ids[0], "latest~1", "latest", "--json"))
    assert (fields["id"][0], fields["param.n"]) == (ids, ([0, 1, 2], True))
    with pytest.raises(InputError, match="cannot be compared"):
        main(["runs", "compare", "latest"])
    with pytest.raises(InputError, match="no run 'gone'"):
        main(["runs", "compare", "latest", "gone"])


def test_code_and_inputs_that_have_changed(jobs: Jobs, store: LocalStore) -> None:
    """A changed source is another digest, and another input another data item, though its name is the same."""
    (jobs.folder / "a.csv").write_text("x\n1\n")
    (jobs.folder / "b.csv").write_text("x\n1\n")
    first = jobs.run("def handler(data): return 1\n", "--input", "data=a.csv", "--name", "one")
    second = jobs.run("def handler(data): return 2\n", "--input", "data=b.csv", "--name", "two")
    assert (first.code, second.code) == (0, 0), first.err + second.err
    fields = _fields(jobs.run_verb("runs", "compare", "one", "two", "--json"))
    assert [fields[name][1] for name in ("code.digest", "input.data", "consumed.data", "code.handler")] == [
        True, True, True, False,
    ]  # fmt: skip
    jobs.run_verb("functions", "rm", "main", "--versions")
    assert "code.digest" not in _fields(jobs.run_verb("runs", "compare", "one", "two", "--json"))

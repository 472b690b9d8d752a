"""The stdout of `ovenbird run`: the handler's result, once, and nothing else of ours."""

from __future__ import annotations

import json
import os
import pty
from pathlib import Path

import pytest
from tests.jobs import Jobs

from ovenbird.common.text_table import fit_columns, format_table
from ovenbird.job.result import Display
from ovenbird.job.result_text import result_text

_RETURNS = """
from datetime import date
from pathlib import Path

import numpy
import pandas

def metrics(): return {"accuracy": 0.5, "n": numpy.int64(3), "loss": float("nan")}
def values(): return [1, "two", None, {"x": 1.5}]
def number(): return 42
def text(): return "two\\nlines"
def nothing(): return None
def pair(): return 1, {"a": [2]}
def numbers():
    yield 1
    yield 2
def table(): return pandas.DataFrame({"city": ["Rome", "Bern"], "rent": [1.5, 22.25]})
def path():
    Path("note.txt").write_text("a note")
    return Path("note.txt")
def key(project): return project.log_artifact("mine", data=b"x")
def large(): return list(range(20_000))
def mixed(): return pandas.DataFrame({"a": [1]}), 5
"""
_TABLE = "city   rent\nRome    1.5\nBern  22.25\n\n[2 rows x 2 columns]\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "results"),
    [
        ("metrics", '{"accuracy": 0.5, "n": 3, "loss": null}\n', {"output_0": {"accuracy": 0.5, "n": 3, "loss": None}}),
        ("values", '[1, "two", null, {"x": 1.5}]\n', {"output_0": [1, "two", None, {"x": 1.5}]}),
        ("number", "42\n", {"output_0": 42}),
        ("text", "two\nlines\n", {"output_0": "two\nlines"}),
        ("nothing", "", {}),
        ("pair", '{"output_0": 1, "output_1": {"a": [2]}}\n', {"output_0": 1, "output_1": {"a": [2]}}),
        ("numbers", '{"output_0": 1, "output_1": 2}\n', {"output_0": 1, "output_1": 2}),
        ("table", _TABLE, {}),
        ("path", "note.txt\n", {}),
        ("mixed", "output_0:\na\n1\n\n[1 rows x 1 columns]\n\noutput_1:\n5\n", {"output_1": 5}),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
def test_what_was_returned_is_printed(jobs: Jobs, name: str, text: str, results: dict[str, object]) -> None:
    """JSON, a table's first rows, a path: once, and nothing else. Small JSON values are results, no artifacts."""
    jobs.write(_RETURNS)
    job = jobs.run(f"main.py:{name}")
    assert (job.code, job.out, job.result["results"]) == (0, text, results), job.err
    assert jobs.read_record(job)["status"]["results"] == results
    artifacts = {"path": 1}.get(name, 0)
    assert len(json.loads(jobs.run_verb("artifacts", "list", "--versions"))) == artifacts


@pytest.mark.slow
@pytest.mark.parametrize("name", ["key", "large"])
def test_what_is_stored_is_printed_as_its_key(jobs: Jobs, name: str) -> None:
    """An entity, and a JSON value that is too large for the record of a run."""
    jobs.write(_RETURNS)
    job = jobs.run(f"main.py:{name}")
    assert job.code == 0, job.err
    assert (job.out, job.result["results"]) == (job.result["outputs"]["output_0"] + "\n", {})


def test_a_named_dict_is_an_artifact_and_is_printed(jobs: Jobs) -> None:
    """An output that is named keeps its file; its content is printed all the same. A lone name takes the whole list."""
    source = "from ovenbird import handler as named\n@named(outputs=['out'])\ndef handler(): return {}\n"
    job = jobs.run(source.format("{'a': 1}"))
    assert (job.out, list(job.result["outputs"]), job.result["results"]) == ('{"a": 1}\n', ["out"], {})
    job = jobs.run(source.format("[1, 2]"))
    assert (job.out, list(job.result["outputs"]), job.result["results"]) == ("[1, 2]\n", ["out"], {})
    job = jobs.run(source.replace("'out'", "'a', 'b'").format("[1, 2]"))
    assert (job.out, job.result["results"]) == ('{"a": 1, "b": 2}\n', {"a": 1, "b": 2})


@pytest.mark.slow
def test_a_list_of_other_values_is_several_outputs(jobs: Jobs) -> None:
    """Tables in a list are tables, and not one pickle."""
    job = jobs.run("import pandas\ndef handler(): return [pandas.DataFrame({'a': [n]}) for n in (1, 2)]\n")
    assert {name: key.split("/")[4] for name, key in job.result["outputs"].items()} == {
        "output_0": "table", "output_1": "table",
    }  # fmt: skip
    assert job.out.count("[1 rows x 1 columns]") == 2


@pytest.mark.parametrize("path", ["-", "/dev/stdout"])
def test_the_result_file_may_be_stdout(jobs: Jobs, path: str) -> None:
    """Stdout then has the result file alone, and no file of that name is created."""
    jobs.write("def handler(): return {'a': 1}\n")
    result = json.loads(jobs.run_verb("run", "main.py", "--result-file", path))
    assert (result["state"], result["results"]) == ("COMPLETED", {"output_0": {"a": 1}})
    assert not (jobs.folder / "-").exists()
    process = jobs.start_ovenbird("run", "main.py", "--param", "n=1", "--result-file", path)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)["error"]["type"]) == (77, "arguments")


def test_a_closed_stdout_is_no_fault(jobs: Jobs) -> None:
    """A closed stdout, one that the function replaced, and one that cannot encode the text fail no run."""
    for line in ("sys.stdout.close()", "os.close(1)", "sys.stdout = None", "sys.stdout.reconfigure(encoding='ascii')"):
        job = jobs.run(f"import os, sys\ndef handler():\n    {line}\n    return 'é'\n")
        assert (job.code, job.result["state"]) == (0, "COMPLETED"), job.err
    assert job.out == "\\xe9\n"


def test_what_is_printed_on_a_terminal(jobs: Jobs) -> None:
    """The same as elsewhere; the log goes to stderr."""
    jobs.write("def handler(): return {'a': 1}\n")
    leader, follower = pty.openpty()
    process = jobs.start_ovenbird("run", "main.py", stdout=follower)
    assert process.wait(60) == 0
    os.close(follower)
    with os.fdopen(leader, "rb") as terminal:
        assert terminal.read1(65536) == b'{"a": 1}\r\n'


def test_long_json_is_indented() -> None:
    """A result that does not fit on a line has one line for each value."""
    assert result_text({"a": {"b": 1}}) == '{"b": 1}\n'
    assert result_text({"a": {"b": "x" * 100}}).count("\n") == 3
    assert result_text({}) == ""
    assert result_text({"a": Display("store://p/x"), "b": "text"}) == '{"a": "store://p/x", "b": "text"}\n'


def test_a_wide_table_loses_its_middle() -> None:
    """The first and the last columns stay; cells are cut, and their control characters escaped."""
    rows = [[f"column_{n}" for n in range(30)], ["\x1b[31m" + "x" * 100] + ["1"] * 29]
    cut = fit_columns(rows, 80)
    assert (cut[0][0], cut[0][-2:], len(format_table(cut).splitlines()[1]) <= 80) == (
        "column_0", ["...", "column_29"], True,
    )  # fmt: skip
    assert "\x1b" not in cut[1][0]
    assert format_table([["a", "b"], ["1", "10"], ["2", "9"]], right=[1]) == "a   b\n1  10\n2   9"


def test_the_platform_keeps_its_own_rule(tmp_path: Path) -> None:
    """Under it each item of a list is an output, and a dict is an artifact."""
    from ovenbird.job.outputs import store
    from ovenbird.job.result import RunResult
    from ovenbird.platform.local.store import LocalStore
    from ovenbird.platform.project.project import Project

    outcome, entities = RunResult(), LocalStore(tmp_path / "home")
    store([1, {"a": 1}], (), Project(entities, "p", {}), outcome, platform_rule=True)
    entities.close()
    assert (outcome.results, list(outcome.outputs)) == ({"output_0": 1}, ["output_1"])

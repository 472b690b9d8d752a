"""One run of many: an index selects the line of a file that holds its parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.jobs import Jobs

from ovenbird.errors import ArgumentsError
from ovenbird.job.indexed_parameters import read_line

SOURCE = "def handler(n: int, common: str = 'none'):\n    return f'{n} {common}'\n"


def test_a_run_takes_its_line(jobs: Jobs) -> None:
    """The index comes from --index or from the variable of an indexed Job of Kubernetes; empty lines do not count."""
    (jobs.folder / "each.jsonl").write_text('{"n": 10}\n\n{"n": 11, "common": "own"}\n{"n": 12}')
    first = jobs.run(SOURCE, "--each", "each.jsonl", "--index", "0")
    assert first.result["results"] == {"output_0": "10 none"}
    second = jobs.run(SOURCE, OVENBIRD_EACH="each.jsonl", JOB_COMPLETION_INDEX="1", OVENBIRD_PARAM='{"common": "all"}')
    assert second.result["results"] == {"output_0": "11 own"}
    third = jobs.run(SOURCE, "--param", "n=1", "--param", "common=all", "--each", "each.jsonl", "--index", "2")
    assert third.result["results"] == {"output_0": "12 all"}
    assert jobs.read_record(third)["spec"]["parameters"] == {"n": 12, "common": "all"}


def test_a_byte_order_mark_is_no_part_of_the_parameters(jobs: Jobs) -> None:
    """Some editors begin text files with a byte order mark; files of parameters and inputs may have one."""
    for name, text in (("each.jsonl", '{"n": 1}\n'), ("p.json", '{"n": 2}'), ("p.yaml", "n: 3\n"), ("d.json", "[4]")):
        (jobs.folder / name).write_text(text, encoding="utf-8-sig")
    assert jobs.run(SOURCE, "--each", "each.jsonl", "--index", "0").result["results"] == {"output_0": "1 none"}
    assert jobs.run(SOURCE, "--params", "p.json").result["results"] == {"output_0": "2 none"}
    assert jobs.run(SOURCE, "--params", "p.yaml").result["results"] == {"output_0": "3 none"}
    source = "def handler(data: list[int], text: str, raw: bytes):\n    return f'{data} {text} {len(raw)}'\n"
    job = jobs.run(source, "--input", "data=d.json", "--input", "text=d.json", "--input", "raw=d.json")
    assert job.result["results"] == {"output_0": "[4] [4] 6"}


def test_lines_that_end_as_in_windows(jobs: Jobs) -> None:
    """Carriage returns and blank lines are no part of the parameters."""
    (jobs.folder / "each.jsonl").write_bytes(b'\xef\xbb\xbf\r\n{"n": 1}\r\n \t\r\n{"n": 2, "common": "x"}\r\n')
    assert jobs.run(SOURCE, "--each", "each.jsonl", "--index", "1").result["results"] == {"output_0": "2 x"}


def test_an_index_without_lines_is_no_matter(jobs: Jobs) -> None:
    """A user's own indexed Job may read the variable itself."""
    job = jobs.run(
        "import os\ndef handler():\n    return os.environ['JOB_COMPLETION_INDEX']\n", JOB_COMPLETION_INDEX="7"
    )
    assert job.result["results"] == {"output_0": "7"}


@pytest.mark.parametrize(
    ("text", "index", "message"),
    [
        ('{"n": 1}\n', 1, "--index: 1 is out of range: '"),
        ('{"n": 1}\n\n', 1, "has 1 lines that are not blank, counted from 0"),
        ("", 0, "has 0 lines"),
        ('{"n": 1}\n[2]\n', 1, "line 2: not a JSON object of parameters"),
        ("{\n", 0, "line 1: not a JSON object"),
        ("\xff\n", 0, "line 1: not a JSON object"),
        ("[" * 100_000, 0, "line 1: not a JSON object"),
    ],
)
def test_an_index_without_its_line(tmp_path: Path, text: str, index: int, message: str) -> None:
    """Exit status 77, which ends this index alone, as for arguments that do not fit."""
    path = tmp_path / "each.jsonl"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ArgumentsError) as caught:
        read_line(str(path), index)
    assert message in str(caught.value)
    assert caught.value.exit_code == 77


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The error has the path and the reason."""
    with pytest.raises(ArgumentsError, match=r"--each: cannot read '.*absent': No such file"):
        read_line(str(tmp_path / "absent"), 0)


def test_no_index(jobs: Jobs) -> None:
    """Without an index every line is run; one that is no number is a setting that does not parse."""
    (jobs.folder / "each.jsonl").write_text('{"n": 10}\n{"n": 11}\n')
    jobs.run_verb("run", jobs.write(SOURCE).name, "--each", "each.jsonl")
    assert sorted(run["parameters"]["n"] for run in jobs.list_runs()) == [10, 11]
    for text in ("-1", "one", "1.5"):
        job = jobs.run(SOURCE, "--each", "each.jsonl", f"--index={text}")
        assert job.code == 70
        assert "--index: expected a whole number from 0" in job.err

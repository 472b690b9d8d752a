"""`ovenbird artifacts get KEY -`: a single file on stdout."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.jobs import Jobs

_TWO = """
from pathlib import Path

def handler():
    Path("folder").mkdir()
    for name in ("a", "b"):
        Path("folder", name).write_text(name)
    return Path("folder")
"""


@pytest.mark.slow
def test_a_file_goes_to_stdout(jobs: Jobs) -> None:
    """An entity is found by any of its names, a run by its single file; no file is written."""
    source = "from ovenbird import handler as named\n@named(outputs=['out'])\ndef handler(): return {'a': 1}\n"
    job = jobs.run(source)
    before = sorted(path.name for path in jobs.folder.iterdir())
    content = Path(jobs.read_entity("artifacts", "out")["spec"]["path"]).read_text()
    for words in (("artifacts", "get", "out", "-"), ("artifacts", "get", job.result["outputs"]["out"], "-"),
                  ("runs", "get", "latest", "-")):  # fmt: skip
        assert jobs.run_verb(*words) == content
    assert sorted(path.name for path in jobs.folder.iterdir()) == before


def test_several_files_do_not_go_to_stdout(jobs: Jobs) -> None:
    """Several files would be joined, so that is an error with their number."""
    assert jobs.run(_TWO).code == 0
    for noun, key in (("artifacts", "output_0"), ("runs", "latest")):
        process = jobs.start_ovenbird(noun, "get", key, "-")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, "has 2 files" in err) == (78, "", True), err

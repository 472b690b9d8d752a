"""`--reuse`: an earlier run that was the same answers for a new one."""

from __future__ import annotations

import functools
import json
import shutil
import threading
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.jobs import FinishedRun, Jobs

pytestmark = pytest.mark.slow
SOURCE = """
from ovenbird import handler
import helper


@handler(outputs=["info", "score"])
def train(run, n: int = 1, data: bytes = b""):
    import late

    with open("calls", "a") as file:
        file.write("x")
    run.log_metric("loss", [0.5, 0.25])
    return {"n": n, "size": len(data)}, n * 2
"""


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, *_: object) -> None:
        """Drop a line of the log."""


class Trained:
    """A function with an input, two local modules and two outputs, that counts its calls."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        for name, text in (("helper.py", "x = 1"), ("late.py", "y = 1"), ("data.txt", "hello"), ("main.py", SOURCE)):
            (jobs.folder / name).write_text(text)

    @property
    def calls(self) -> int:
        """Return how often the handler was called."""
        return len((self.jobs.folder / "calls").read_text())

    def run(self, *flags: str, **environ: str) -> FinishedRun:
        """Run it with its input, and expect success."""
        finished = self.jobs.run("main.py", "--input", "data=data.txt", *flags, **environ)
        assert finished.code == 0, finished.err
        return finished


@pytest.fixture
def trained(jobs: Jobs) -> Trained:
    """A function that has been run once."""
    function = Trained(jobs)
    function.run()
    return function


def test_the_former_outputs_are_the_answer(trained: Trained) -> None:
    """They are printed as they were, recorded with the run that made them, and copied where files are asked for."""
    first = trained.jobs.start_ovenbird("run", "main.py", "--input", "data=data.txt").communicate(timeout=60)[0]
    flags = ("--reuse", "--output-dir", "out")
    process = trained.jobs.start_ovenbird("run", "main.py", "--input", "data=data.txt", *flags)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, first)
    assert json.loads(out) == {"info": {"n": 1, "size": 5}, "score": 2}
    assert trained.calls == 2
    assert json.loads((trained.jobs.folder / "out/info.json").read_text()) == {"n": 1, "size": 5}
    reused, former, _ = trained.jobs.list_runs()
    assert reused["reused_from"] == former["key"]
    assert f"results and outputs are those of {former['key']}" in err
    assert (reused["state"], reused["results"], reused["metrics"]) == ("COMPLETED", {"score": 2}, {"loss": 0.25})
    record = trained.jobs.read_entity("runs", reused["id"])
    assert record["status"]["outputs"] == trained.jobs.read_entity("runs", former["id"])["status"]["outputs"]
    assert record["status"]["reused_from"] == former["key"]
    assert record["status"]["metrics"] == {"loss": [0.5, 0.25]}
    assert f"reused_from: {former['key']}" in trained.jobs.run_verb("lineage", "latest")
    third = trained.run("--reuse")
    assert trained.jobs.read_record(third)["status"]["reused_from"] == former["key"]


def test_nothing_is_reused_unasked(trained: Trained) -> None:
    """Without the flag a run calls its function."""
    trained.run()
    assert trained.calls == 2


def test_the_parameters_that_the_function_gets_are_compared(trained: Trained) -> None:
    """A default that is given is the same; another value is not."""
    trained.run("--reuse", "--param", "n=1")
    trained.run("--reuse", "--param", "n=01")
    assert trained.calls == 1
    trained.run("--reuse", "--param", "n=2")
    assert trained.calls == 2


def write(name: str, text: str) -> Callable[[Jobs], object]:
    """Return what replaces a file of the function's folder."""
    return lambda jobs: (jobs.folder / name).write_text(text)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (write("data.txt", "other"), "input 'data' has changed"),
        (write("main.py", SOURCE + "\n"), "the digest of the source was sha256:"),
        (write("helper.py", "x = 2"), "the digest of the source was sha256:"),
        (write("late.py", "y = 2"), "late.py', which it imported, has changed"),
        (write("requirements.lock", "a==1"), "lock was None, and is sha256:"),
        (lambda jobs: shutil.rmtree(jobs.home / "files/default/artifact/info"), "its output 'info' is missing"),
        (
            lambda jobs: next((jobs.home / "files/default/artifact/info").rglob("*.json")).write_text("{}"),
            "its output 'info' is changed",
        ),
        (lambda jobs: jobs.run_verb("artifacts", "rm", "info", "--keep-files"), "its output 'info' is missing"),
    ],
)
def test_a_difference_calls_the_function(trained: Trained, change: Callable[[Jobs], object], reason: str) -> None:
    """The log says what differs from the newest run of that call; the run after it is reused again."""
    change(trained.jobs)
    finished = trained.run("--reuse")
    assert trained.calls == 2
    assert reason in finished.err
    assert "reused_from" not in trained.jobs.read_record(finished)["status"]
    trained.run("--reuse")
    assert trained.calls == 2


def test_a_change_that_is_taken_back(trained: Trained) -> None:
    """The run before the change is found again."""
    (trained.jobs.folder / "data.txt").write_text("other")
    trained.run("--reuse")
    (trained.jobs.folder / "data.txt").write_text("hello")
    trained.run("--reuse")
    assert trained.calls == 2


def test_another_version_of_a_package(jobs: Jobs) -> None:
    """The versions of all that was imported count, also of what the function imports when it is called."""
    packages = jobs.folder / "env" / "site-packages"
    folder = packages / "tool-1.0.dist-info"
    folder.mkdir(parents=True)
    (packages / "tool.py").write_text("")
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n")
    (folder / "RECORD").write_text("tool.py,,\n")
    source = "def handler():\n    import tool\n    return 1\n"
    environ = {"PYTHONPATH": str(packages)}
    assert jobs.read_record(jobs.run(source, **environ))["status"]["provenance"]["packages"]["tool"] == "1.0"
    assert "reused_from" in jobs.read_record(jobs.run(source, "--reuse", **environ))["status"]
    folder.rename(packages / "tool-1.1.dist-info")
    (packages / "tool-1.1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: tool\nVersion: 1.1\n")
    finished = jobs.run(source, "--reuse", **environ)
    assert "the package tool was 1.0, and is 1.1" in finished.err


def test_a_commit_is_another_revision(jobs: Jobs) -> None:
    """What else the commit has changed is not known, as the function may read any file of it."""
    source = "def handler():\n    return 1\n"
    git = jobs.folder / ".git"
    git.mkdir()
    (git / "HEAD").write_text("a" * 40)
    jobs.run(source)
    assert "reused_from" in jobs.read_record(jobs.run(source, "--reuse"))["status"]
    (git / "HEAD").write_text("b" * 40)
    assert f"the revision of the source was {'a' * 40}" in jobs.run(source, "--reuse").err


def test_a_stored_input(jobs: Jobs) -> None:
    """A key is compared by its version; a newer one, and a file that was changed in the store, call the function."""
    make = "def handler(project, text: str):\n    project.log_artifact('words', data=text.encode())\n"
    use = "def handler(words):\n    return words.as_file()[0][-3:]\n"
    jobs.write(use, "use.py")
    assert jobs.run(make, "--param", "text=one").code == 0
    flags = ("--input", "words=store://default/artifact/artifact/words", "--reuse")

    def is_reused() -> bool:
        finished = jobs.run("use.py", *flags)
        assert finished.code == 0, finished.err
        return "reused_from" in jobs.read_record(finished)["status"]

    assert [is_reused(), is_reused()] == [False, True]
    assert jobs.run(make, "--param", "text=two").code == 0
    assert [is_reused(), is_reused()] == [False, True]
    newest = max((jobs.home / "files/default/artifact/words").rglob("words*"), key=lambda path: path.stat().st_mtime)
    stored = newest if newest.is_file() else next(path for path in newest.rglob("*") if path.is_file())
    stored.write_text("changed")
    assert [is_reused(), is_reused()] == [False, False]


def test_what_the_function_reads_itself(jobs: Jobs) -> None:
    """A newer version of what the former run has read beside its inputs calls the function."""
    make = "def handler(project, text: str):\n    project.log_artifact('words', data=text.encode())\n"
    use = "def handler(project):\n    return open(project.get_artifact('words').as_file()[0]).read()\n"
    jobs.write(use, "use.py")
    assert jobs.run(make, "--param", "text=one").code == 0
    assert jobs.run("use.py").result["results"] == {"output_0": "one"}
    assert "results and outputs are those of" in jobs.run("use.py", "--reuse").err
    assert jobs.run(make, "--param", "text=two").code == 0
    finished = jobs.run("use.py", "--reuse")
    assert finished.result["results"] == {"output_0": "two"}
    assert "which it read, has changed or has a newer version" in finished.err


@pytest.mark.parametrize("hint", ["bytes", "Any"])
def test_an_input_of_the_web(jobs: Jobs, hint: str) -> None:
    """Its content is known when it has been read for a hint. Else the function is called, and the log says so."""
    pages = jobs.folder / "pages"
    pages.mkdir()
    (pages / "data.txt").write_text("one")
    source = f"from typing import Any\ndef handler(data: {hint}):\n    return str(data)[:9]\n"
    handler = functools.partial(QuietHandler, directory=str(pages))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        flags = ("--input", f"data=http://127.0.0.1:{server.server_port}/data.txt", "--reuse")
        errors = [jobs.run(source, *flags).err for _ in range(2)]
        (pages / "data.txt").write_text("two")
        errors.append(jobs.run(source, *flags).err)
        server.shutdown()
    expected = "results and outputs are those of" if hint == "bytes" else "the content of input 'data' is not known"
    assert expected in errors[1]
    assert "the function is called" in errors[2]


def test_runs_that_do_not_count(jobs: Jobs) -> None:
    """A run that failed is not reused, nor one of another function with the same arguments."""
    source = "import os\ndef handler(n: int):\n    if 'FAIL' in os.environ:\n        raise ValueError\n    return n\n"
    assert jobs.run(source, "--param", "n=1", FAIL="1").code == 74
    first = jobs.run("main.py", "--param", "n=1", "--reuse")
    assert first.code == 0
    assert "no completed run of this function" in first.err
    jobs.write(source, "other.py")
    assert "no completed run of this function" in jobs.run("other.py", "--param", "n=1", "--reuse").err


def test_long_parameters(jobs: Jobs) -> None:
    """They are compared whole, though a record shows the beginning."""
    source = "def handler(values: list):\n    return sum(values)\n"
    for last in (1, 2):
        (jobs.folder / "p.json").write_text(json.dumps({"values": [0] * 20_000 + [last]}))
        finished = jobs.run(source, "--params", "p.json", "--reuse")
        assert finished.result["results"] == {"output_0": last}


def test_a_function_in_another_folder(jobs: Jobs, tmp_path: Path) -> None:
    """Modules that are imported late are those beside the function that is run now."""
    source = "def handler():\n    import late\n    return late.y\n"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.py").write_text(source)
        (tmp_path / name / "late.py").write_text(f"y = {name!r}\n")
    for name in ("one", "two", "one"):
        finished = jobs.run(f"{name}/main.py", "--reuse")
        assert finished.result["results"] == {"output_0": name}
    assert "reused_from" in jobs.read_record(finished)["status"]


def test_lines_of_a_sweep(jobs: Jobs) -> None:
    """Lines whose run exists are answered by it; only the others call the function."""
    jobs.write("def handler(n: int):\n    open('calls', 'a').write(str(n))\n    return n\n")
    jobs.run_verb("run", "main.py", "--grid", "n=1,2")
    out = jobs.run_verb("run", "main.py", "--grid", "n=1,2,3", "--reuse", "--parallel", "2")
    rows = {row["line"]: row for row in map(json.loads, out.splitlines())}
    assert {number: "reused_from" in row for number, row in rows.items()} == {1: True, 2: True, 3: False}
    assert {number: row["results"]["output_0"] for number, row in rows.items()} == {1: 1, 2: 2, 3: 3}
    assert (jobs.folder / "calls").read_text() in ("123", "213")

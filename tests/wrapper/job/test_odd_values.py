"""Nothing that user code, a command line or a locale can hold keeps the end of a run from being recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests import starts
from tests.jobs import Jobs

_RAISES = {
    "a lone surrogate": 'raise ValueError("caf\\udce9 \\ud800")',
    "no text": "raise Mute",
    "no text, by sys.exit": "raise Leaves",
    "a cause without text": "try: raise Mute\n    except Mute as mute: raise ValueError('x') from mute",
    "a key": 'return {}["\\udcff"]',
    "numpy values": "raise ValueError(numpy.float64(3), numpy.array([1, 2]))",
    "a status that is no text": 'sys.exit("\\udcff")',
    "megabytes": 'raise ValueError("x" * 10_000_000)',
    "a number of many digits": "raise ValueError(10**5000)",
    "attributes that raise": "raise Liar",
    "a name that is no text": "raise type('N\\udcff', (Exception,), {})",
}
_PUTS = {
    "numpy in status": "run.status.thing = numpy.float32(1.5)",
    "surrogates in status": 'run.status["\\udcff"] = "\\ud800"',
    "an object without repr": "run.status.thing = run.spec.thing = run.metadata.thing = Mute2()",
    "sets and bytes": 'run.spec.x = {1: {2, 3}, None: b"\\xff"}; run.metadata.labels = {"a"}',
    "a list as status": "run.status = []",
    "no status": "del run.status",
    "no spec": "run.spec = None",
    "no metadata": "del run.metadata",
    "a number as provenance": "run.status.provenance = 5",
    "an object as state": "run.status.state = object()",
    "objects as times": "run.status.started = object(); run.status.ended = {}",
    "a number as metrics": "run.status.metrics = 5",
    "a number as outputs": "run.status.outputs = 7; run.status.results = 7; run.status.message = Mute2()",
    "text as relationships": 'run.metadata.relationships = "x"',
    "an object as name": "run.name = run.kind = run.user = object()",
    "another id": 'run.id = "other"; run.key = "store://other/run/x/other:other"; run.project = "other"',
    "an object as function": "run.spec.function = object()",
    "itself": "run.status.loop = run.status",
    "keys of any type": "dict.__setitem__(run.status, 5, 6); dict.__setitem__(run.status, Mute2(), 6)",
}
_SOURCE = """
import sys
import numpy

class Mute(Exception):
    def __str__(self): raise RuntimeError("no text")

class Leaves(Exception):
    def __str__(self): sys.exit(5)

class Liar(ValueError):
    __traceback__ = property(lambda self: 1 / 0)
    @property
    def __class__(self): raise RuntimeError

class Mute2:
    def __repr__(self): raise RuntimeError("no text")

def handler(run):
    {do}
    return 5
"""


@pytest.fixture(params=["local", "core"])
def store(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of a run, for either store."""
    environ: dict[str, str] = {} if request.param == "local" else request.getfixturevalue("platform")
    return environ | {"OVENBIRD_PROJECT": "p"}


def read_record(jobs: Jobs, store: dict[str, str], key: str) -> dict[str, Any]:
    """The record of the run, from the store."""
    record: dict[str, Any] = json.loads(jobs.run_verb("runs", "show", key, "--json", **store))
    return record


@pytest.mark.slow
@pytest.mark.parametrize("name", _RAISES)
def test_whatever_is_raised_is_recorded(jobs: Jobs, store: dict[str, str], name: str) -> None:
    """ERROR with a type and a text of bounded length, in the record, the result file and the log."""
    job = jobs.run(_SOURCE.format(do=_RAISES[name]), **store)
    assert (job.code, job.result["state"]) == (74, "ERROR"), job.err
    assert job.error["type"]
    assert len(json.dumps(job.error)) < 1_000_000
    status = read_record(jobs, store, job.result["key"])["status"]
    assert status["state"] == "ERROR"
    assert status["error"]["type"] == job.error["type"]
    assert any(json.loads(line)["level"] == "error" for line in job.err.splitlines() if line.startswith("{"))


@pytest.mark.slow
@pytest.mark.parametrize("name", _PUTS)
def test_whatever_is_put_into_a_run_is_recorded_or_left_out(jobs: Jobs, store: dict[str, str], name: str) -> None:
    """The run is COMPLETED with its result, and the log says what was left out."""
    job = jobs.run(_SOURCE.format(do=_PUTS[name]), **store)
    assert (job.code, job.result["state"], job.result["results"]) == (0, "COMPLETED", {"output_0": 5}), job.err
    record = read_record(jobs, store, job.result["key"])
    assert (record["status"]["state"], record["status"]["results"]) == ("COMPLETED", {"output_0": 5})
    assert "Traceback" not in job.err
    if name in ("a list as status", "no spec", "a number as metrics", "text as relationships", "another id"):
        assert "left out of the record" in job.err


def run_bytes(jobs: Jobs, *words: bytes, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """Run `ovenbird run` with arguments that are bytes."""
    env = {name: text for name, text in os.environ.items() if not name.startswith("OVENBIRD_")}
    env |= {"OVENBIRD_HOME": str(jobs.home), **environ}
    command = [os.fsencode(sys.executable), b"-m", b"ovenbird", b"run", *words, b"--result-file", b"result.json"]
    return subprocess.run(command, cwd=jobs.folder, env=env, check=False, capture_output=True, timeout=60)


_TAKES = """
from pathlib import Path
def handler(x: str = "", y=None, data: bytes = b"", path: Path = None):
    return [x, y, len(data), path.read_text() if path else ""]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([b"main.py", b"--param", b"x=caf\xe9"], ["caf\\udce9", None, 0, ""]),
        ([b"main.py", b"--param", b"y=caf\xe9"], ["", "caf\\udce9", 0, ""]),
        ([b"main.py", b"--param", b'y="\\ud800"'], ["", '"\\ud800"', 0, ""]),
        ([b"main.py", b"--input", b"data=caf\xe9.txt"], ["", None, 3, ""]),
        ([b"main.py", b"--input", b"path=caf\xe9.txt"], ["", None, 0, "abc"]),
        ([b"d\xe9/main.py", b"--param", b"x=1"], ["1", None, 0, ""]),
        ([b"main.py", b"--params", b"p\xe9.json"], ["file", None, 0, ""]),
        ([b"main.py", b"--output-dir", b"o\xe9"], ["", None, 0, ""]),
    ],
    ids=["text", "no hint", "an escape", "bytes", "path", "target", "params", "output-dir"],
)
def test_arguments_of_another_encoding(jobs: Jobs, store: dict[str, str], words: list[bytes], expected: Any) -> None:
    """The handler gets arguments as `sys.argv` has them, files are found, and the record has them escaped."""
    jobs.write(_TAKES)
    folder = os.fsencode(jobs.folder)
    os.mkdir(folder + b"/d\xe9")  # noqa: PTH102  # bytes
    for name, content in ((b"caf\xe9.txt", "abc"), (b"d\xe9/main.py", _TAKES), (b"p\xe9.json", '{"x": "file"}')):
        Path(os.fsdecode(folder + b"/" + name)).write_text(content)
    process = run_bytes(jobs, *words, **store)
    assert process.returncode == 0, process.stderr
    result = json.loads((jobs.folder / "result.json").read_bytes())
    assert (result["state"], result["results"]["output_0"]) == ("COMPLETED", expected)
    assert read_record(jobs, store, result["key"])["status"]["state"] == "COMPLETED"


@pytest.mark.parametrize("name", [b"caf\xe9.csv", b"out\xe9"])
def test_outputs_of_another_encoding_are_stored(jobs: Jobs, store: dict[str, str], name: bytes) -> None:
    """A file's name, and those within a folder, with `%E9` for the byte."""
    source = f"""
        import os
        from pathlib import Path
        def handler():
            path = Path(os.fsdecode({name!r}))
            if path.suffix:
                path.write_text("abc")
            else:
                path.mkdir()
                (path / os.fsdecode(b"caf\\xe9.csv")).write_text("abc")
            return path
    """
    job = jobs.run(source, "--output-dir", "got", "--files-store", str(jobs.folder / "files"), **store)
    assert (job.code, job.result["state"]) == (0, "COMPLETED"), job.err
    assert [path.name for path in (jobs.folder / "got").rglob("*.csv")] in (["caf%E9.csv"], ["output_0.csv"])
    assert any(path.name == "caf%E9.csv" for path in (jobs.folder / "files").rglob("*"))


def test_a_folder_of_another_encoding(jobs: Jobs, store: dict[str, str]) -> None:
    """The one that a run starts in, with its function and, by default, its store."""
    folder = Path(os.fsdecode(os.fsencode(jobs.folder) + b"/d\xe9"))
    folder.mkdir()
    (folder / "main.py").write_text(_TAKES)
    env = {name: text for name, text in os.environ.items() if not name.startswith("OVENBIRD_")} | store
    process = starts.run("run", "main.py", "--result-file", "result.json", cwd=folder, env=env, text=False, timeout=60)
    assert process.returncode == 0, process.stderr
    assert json.loads((folder / "result.json").read_bytes())["state"] == "COMPLETED"


@pytest.mark.parametrize(
    "environ",
    [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}],
    ids=["C", "POSIX", "ASCII streams"],
)
def test_a_locale_without_letters_ends_no_run(jobs: Jobs, environ: dict[str, str]) -> None:
    """Prints, results and errors are recorded in UTF-8, and printed escaped where the stream cannot encode them."""
    source = 'import sys\ndef handler():\n    print("città →")\n    sys.stderr.write("東\\n")\n    return "città →"\n'
    (jobs.folder / "main.py").write_text(source, encoding="utf-8")
    process = run_bytes(jobs, b"main.py", **environ)
    assert process.returncode == 0, process.stderr
    result = json.loads((jobs.folder / "result.json").read_bytes())
    assert result["results"] == {"output_0": "città →"}
    assert "città →" in jobs.run_verb("runs", "logs", result["id"])

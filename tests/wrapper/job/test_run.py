"""`ovenbird run`, whole: real processes, their exit status, result file, record and log."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.disks import disk
from tests.jobs import Jobs
from tests.stores import send_reply

_HEAVY = (
    "asyncio pandas polars pyarrow numpy obstore dulwich urllib3 starlette uvicorn yaml pickle tempfile ssl".split()
)


def test_an_empty_run_imports_little(jobs: Jobs) -> None:
    """A run of an empty handler imports no event loop, no HTTP, no DataFrames, no object store and no YAML."""
    jobs.write("def handler(): pass\n", "empty.py")
    code = (
        "import sys, os; sys.argv = ['ovenbird', 'run', 'empty.py']\n"
        "from ovenbird.cli import run\n"
        "code = run(sys.argv[1:]); print(code, *sys.modules)"
    )
    env = {**os.environ, "OVENBIRD_HOME": str(jobs.home)}
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=jobs.folder, env=env, capture_output=True, text=True, check=True
    )
    code, *modules = process.stdout.split()
    assert code == "0"
    assert "ovenbird.job.execution" in modules
    assert [name for name in _HEAVY if name in modules] == []
    spared = ("inputs", "outputs", "remote")
    assert [name for name in spared if f"ovenbird.job.{name}" in modules] == []
    assert [name for name in modules if name.startswith("ovenbird.lineage")] == []


@pytest.mark.slow
def test_a_run_is_recorded(jobs: Jobs) -> None:
    """State, times, parameters, results, provenance and the function's revision are in the record of a run."""
    job = jobs.run(
        """
        from ovenbird import handler

        @handler(outputs=["total"])
        def handler(a: int, b: int = 2):
            print("adding")
            return a + b
        """, "--param", "a=40",
    )  # fmt: skip
    assert (job.code, job.out) == (0, "adding\n42\n")
    assert job.result == {
        "id": job.result["id"], "key": job.result["key"], "state": "COMPLETED", "results": {"total": 42},
        "outputs": {}, "metrics": {}, "error": None,
    }  # fmt: skip
    record = jobs.read_record(job)
    assert record["spec"]["parameters"] == {"a": 40}
    assert (record["status"]["state"], record["status"]["results"]) == ("COMPLETED", {"total": 42})
    assert record["status"]["provenance"]["python"] == sys.version.partition(" ")[0]
    assert record["status"]["started"] <= record["status"]["ended"]
    function = jobs.read_entity("functions", record["spec"]["function"])
    assert (function["name"], function["spec"]["source"]["handler"]) == ("main", "main:handler")
    assert {"type": "run_of", "dest": function["key"]} in record["metadata"]["relationships"]


@pytest.mark.slow
def test_a_caller_may_choose_the_id(jobs: Jobs) -> None:
    """The variable names the run that is recorded, and no run that the function starts."""
    source = "import os\ndef handler(): return os.environ.get('OVENBIRD_NEW_RUN', 'none')\n"
    job = jobs.run(source, OVENBIRD_NEW_RUN="chosen-1")
    assert (job.code, job.result["id"], job.result["results"]) == (0, "chosen-1", {"output_0": "none"})
    again = jobs.run(source, OVENBIRD_NEW_RUN="chosen-1")
    assert (again.code, "chosen-1 already exists" in again.err) == (76, True)


@pytest.mark.slow
def test_the_function_is_registered_once_for_each_revision(jobs: Jobs) -> None:
    """Two runs of one source share a revision of the function; a changed source makes another."""
    sources = ["def handler(): return 1\n", "def handler(): return 1\n", "def handler(): return 2\n"]
    keys = [jobs.read_record(jobs.run(source))["spec"]["function"] for source in sources]
    assert keys[0] == keys[1] != keys[2]


_TABLE = """
import sys
from pathlib import Path

import numpy
import pandas
import polars
from matplotlib.figure import Figure
from sklearn.linear_model import LinearRegression

from digitalhub_runtime_python import handler as outputs

class Odd:
    pass

def figure():
    made = Figure()
    made.subplots().plot([1, 2])
    return made

@outputs(outputs=["text", "number", "real", "truth", "raw", "scalar", "pandas", "polars", "figure", "json", "list",
                  "array", "model", "path", "entity", "odd", {"name": "kept", "kind": "model"}])
def handler(project, run):
    Path("note.txt").write_text("a note")
    mine = project.log_artifact("mine", data=b"bytes of mine")
    run.log_metric("loss", [2.0, 1.0])
    run.log_metrics({"accuracy": 0.5})
    return ("t", 1, 1.5, True, b"raw", numpy.int64(7), pandas.DataFrame({"a": [1, 2]}), polars.DataFrame({"b": ["x"]}),
            figure(), {"k": [1, None]}, [1, "two"], numpy.arange(3), LinearRegression().fit([[0], [1]], [0, 1]),
            Path("note.txt"), mine, Odd(), "note.txt", "beyond the names")
"""

_READ = """
import pickle
from pathlib import Path

import numpy

from ovenbird import handler as outputs

@outputs(outputs=["output_0"])
def handler(project, table, model, kept: bytes, json: dict, list: list, path: str, array: Path):
    import joblib
    return {
        "table": table.as_df()["a"].tolist(), "polars": project.get_dataitem("polars").as_df(engine="polars")["b"][0],
        "model": round(float(joblib.load(model.as_file()[0]).predict([[2]])[0]), 6), "kept": kept.decode(),
        "json": json, "list": list, "path": path, "array": numpy.load(array).tolist(),
        "png": Path(project.get_artifact("figure").download("somewhere/")).read_bytes()[1:4].decode(),
        "odd": type(pickle.loads(Path(project.get_artifact("odd").as_file()[0]).read_bytes())).__name__,
        "mine": Path(project.get_artifact("mine").as_file()[0]).read_text(),
    }
"""


@pytest.mark.slow
def test_every_value_of_the_outputs_table_is_stored_and_read_back_by_key(jobs: Jobs) -> None:
    """Another run reads each value of the first run by its key, and lineage leads from one to the other."""
    job = jobs.run(_TABLE)
    assert job.code == 0, job.err
    assert job.result["results"] == {
        "text": "t", "number": 1, "real": 1.5, "truth": True, "raw": "raw", "scalar": 7, "output_17": "beyond the names"
    }  # fmt: skip
    keys = job.result["outputs"]
    kinds = {name: "/".join(key.split("/")[3:5]) for name, key in keys.items()}
    assert kinds == {
        "pandas": "dataitem/table", "polars": "dataitem/table", "figure": "artifact/artifact",
        "json": "artifact/artifact", "list": "artifact/artifact", "array": "artifact/artifact",
        "model": "model/sklearn", "path": "artifact/artifact", "entity": "artifact/artifact",
        "odd": "artifact/artifact", "kept": "model/model",
    }  # fmt: skip
    assert job.result["metrics"] == {"loss": [2.0, 1.0], "accuracy": 0.5}
    assert "which no rule covers" in job.err
    table = jobs.read_entity("dataitems", keys["pandas"])
    assert table["spec"]["schema"] == {"fields": [{"name": "a", "type": "integer"}]}
    assert table["status"]["preview"] == {"cols": [{"name": "a", "value": [1, 2]}], "rows": 2}
    assert table["status"]["files"][0]["hash"].startswith("md5:")
    assert table["spec"]["path"] == f"{jobs.home}/files/default/dataitem/pandas/{table['id']}/pandas.parquet"

    names = {"table": "pandas"} | {name: name for name in ("model", "kept", "json", "list", "path", "array")}
    inputs = [word for name, output in names.items() for word in ("--input", f"{name}={keys[output]}")]
    jobs.write(_READ, "again.py")
    read = jobs.run("again.py", *inputs)
    assert read.code == 0, read.err
    content = jobs.read_entity("artifacts", read.result["outputs"]["output_0"])["spec"]["path"]
    assert json.loads(Path(content).read_text()) == {
        "table": [1, 2], "polars": "x", "model": 2.0, "kept": "a note", "json": {"k": [1, None]}, "list": [1, "two"],
        "path": "a note", "array": [0, 1, 2], "png": "PNG", "odd": "Odd", "mine": "bytes of mine",
    }  # fmt: skip
    links = {link["dest"] for link in jobs.read_record(read)["metadata"]["relationships"] if link["type"] == "consumes"}
    assert links == {keys[name] for name in (*names.values(), "polars", "figure", "odd", "entity")}


_PLAIN = """
import functools

def plain(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)
    return call

"""


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("class handler:\n    def __init__(self, context, by=1): self.by = by\n    def __call__(self, n: int):"
         " return n * self.by\n    def close(self): print('closed')\n", {"output_0": 12}),
        ("import asyncio\nby = 0\nasync def init(context, by: int):\n    global by_\n    by_ = by\n"
         "async def handler(n: int):\n    await asyncio.sleep(0)\n    return n * by_\n", {"output_0": 12}),
        ("def init(context, by: int): context.by = by\ndef handler(context, n: int):\n"
         "    yield n\n    yield n * context.by\n", {"output_0": 4, "output_1": 12}),
        ("def init(context, by: int): context.by = by\nasync def handler(context, n: int):\n    yield n * context.by\n",
         {"output_0": 12}),
        ("async def init(context, by: int): context.by = by\ndef handler(context, n: int): return n * context.by\n"
         "async def close(): print('closed')\n", {"output_0": 12}),
        (_PLAIN + "@plain\nasync def init(context, by: int): context.by = by\n@plain\n"
         "async def handler(context, n: int): return n * context.by\n"
         "@plain\nasync def close(): print('closed')\n", {"output_0": 12}),
        (_PLAIN + "by = []\ndef init(context, by: int): context.by = by\n"
         "@plain\nasync def handler(context, n: int):\n    yield n\n    yield n * context.by\n",
         {"output_0": 4, "output_1": 12}),
        ("def init(context, by: int): context.by = by\nasync def handler(context, n: int):\n"
         "    return (i * context.by for i in (1, n))\n", {"output_0": 3, "output_1": 12}),
    ],
    ids=[
        "class", "async", "generator", "async generator", "async init of a sync handler",
        "async behind plain decorators", "async generator behind a plain decorator", "async that returns a generator",
    ],
)  # fmt: skip
def test_every_shape_runs_once(jobs: Jobs, source: str, result: dict[str, int]) -> None:
    """A class, async functions and generators run as jobs, init before them and close after them."""
    job = jobs.run(source, "--param", "n=4", "--init", "by=3")
    assert (job.code, job.result["results"]) == (0, result), job.err
    printed = json.dumps(result) if len(result) > 1 else "12"
    assert job.out == ("closed\n" if "close" in source else "") + printed + "\n"


def test_reserved_arguments(jobs: Jobs) -> None:
    """context, event, project and run are given by name; their ids are those of the run and of the caller's trace."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    job = jobs.run(
        """
        def handler(context, event, project, run):
            return [context.project is project, context.run is run, event.trigger.kind, event.body["inputs"] == {},
                    project.name, run.id, context.trace_id, context.root]
        """, "--project", "p1", TRACEPARENT=f"00-{trace}-b7ad6b7169203331-01", PROJECT_NAME="other",
    )  # fmt: skip
    (values,) = job.result["results"].values()
    assert values == [True, True, "job", True, "p1", job.result["id"], trace, str(jobs.folder)], job.err
    assert job.result["key"].startswith("store://p1/run/")


def test_the_project_name_comes_from_variable_or_document(jobs: Jobs) -> None:
    """PROJECT_NAME, else the function document, else `default` names the project; the document names the function."""
    jobs.write("def fn(): return 1\n")
    jobs.write("name: f1\nkind: python\nproject: p9\nspec: {source: {source: main.py, handler: fn}}\n", "function.yaml")
    keys = [jobs.run(".").result["key"], jobs.run(".", PROJECT_NAME="env").result["key"]]
    assert [key.split("/")[2] for key in keys] == ["p9", "env"]
    assert jobs.read_record(jobs.run("."))["spec"]["function"].split("/")[-1].startswith("f1:")


def test_job_is_run_and_variables_are_flags(jobs: Jobs) -> None:
    """`ovenbird job` is the same verb, and everything can come from OVENBIRD_ variables: flags win, name by name."""
    jobs.write("def handler(a: int, b: str, c: int = 0): return [a, b, c]\n")
    (jobs.folder / "p.yaml").write_text("a: 1\nb: from the file\nc: 3\n")
    environ = {
        "OVENBIRD_TARGET": "main.py", "OVENBIRD_PARAMS": "p.yaml", "OVENBIRD_PARAM": '{"a": 5, "b": "variable"}',
        "OVENBIRD_RESULT_FILE": "deep/result.json",
    }  # fmt: skip
    jobs.run_verb("job", "--param", "a=7", **environ)
    assert json.loads((jobs.folder / "deep/result.json").read_text())["results"] == {"output_0": [7, "variable", 3]}


def test_output_dir_and_files_store(jobs: Jobs) -> None:
    """--files-store takes the files of outputs, --output-dir a copy of them."""
    source = "from ovenbird import handler as named\n@named(outputs=['output_0'])\ndef handler(): return {'a': 1}\n"
    job = jobs.run(source, "--files-store", "elsewhere", "--output-dir", "copies/here")
    assert job.code == 0, job.err
    path = Path(jobs.read_entity("artifacts", "output_0")["spec"]["path"])
    assert path.is_relative_to(jobs.folder / "elsewhere")
    assert json.loads((jobs.folder / "copies/here/output_0.json").read_text()) == json.loads(path.read_text())
    assert not (jobs.home / "files").exists()


def test_a_folder_of_outputs_holds_the_files_of_the_last_run(jobs: Jobs) -> None:
    """What only an earlier run has put there is removed; a file of somebody else stays, and a warning names it."""
    jobs.write(
        """
        from pathlib import Path
        def handler(number: int):
            folder = Path(f"made-{number}")
            for name in ("always", f"of-{number}/deep"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(str(number))
            return folder
        """
    )
    for number in (1, 2):
        job = jobs.run("main.py", "--param", f"number={number}", "--output-dir", "out")
        assert (job.code, "no known run" in job.err) == (0, False), job.err
    copied = jobs.folder / "out/output_0"
    assert sorted(path.relative_to(copied).as_posix() for path in copied.rglob("*")) == ["always", "of-2", "of-2/deep"]
    assert (copied / "always").read_text() == "2"
    (copied / "mine.txt").write_text("mine")
    (copied / "of-3").mkdir()
    (copied / "of-3/deep").write_text("mine, by a name that a run has stored elsewhere")
    assert jobs.run("main.py", "--param", "number=3").code == 0
    (copied / "linked").symlink_to(jobs.folder / "made-2")
    job = jobs.run("main.py", "--param", "number=1", "--output-dir", "out")
    assert "out/output_0 also holds what is of no known run, and stays: 'mine.txt', 'of-3/deep'" in job.err
    names = sorted(path.relative_to(copied).as_posix() for path in copied.iterdir())
    assert names == ["always", "linked", "mine.txt", "of-1", "of-3"]
    assert (jobs.folder / "made-2/of-2/deep").read_text() == "2"


def test_a_full_output_dir_is_named(jobs: Jobs) -> None:
    source = "from pathlib import Path\ndef handler():\n    Path('big').write_bytes(bytes(2_000_000))\n"
    with disk(jobs.folder / "full", "64k") as full:
        job = jobs.run(source + "    return Path('big')\n", "--output-dir", str(full))
    assert job.code == 79, job.err
    assert f"cannot be copied to {full}/output_0: No space left on device" in job.error["message"]


@pytest.mark.slow
def test_two_models_of_one_run_are_two_files(jobs: Jobs) -> None:
    """Both are `model.pkl` in the store, and in the output folder neither replaces the other."""
    source = """
        from ovenbird import handler as named
        from sklearn.linear_model import LinearRegression, Ridge
        @named(outputs=["linear", "ridge"])
        def handler():
            return LinearRegression().fit([[0], [1]], [0, 1]), Ridge().fit([[0], [1]], [0, 1])
    """
    job = jobs.run(source, "--output-dir", "out")
    assert job.code == 0, job.err
    printed = jobs.run_verb("runs", "get", job.result["id"], "got").split()
    assert printed == ["got/linear.pkl", "got/ridge.pkl"]
    for folder in ("out", "got"):
        models = [pickle.loads((jobs.folder / folder / name).read_bytes()) for name in ("linear.pkl", "ridge.pkl")]
        assert [type(model).__name__ for model in models] == ["LinearRegression", "Ridge"]


def test_an_output_that_fails_costs_no_copy_of_another(jobs: Jobs) -> None:
    """Stored outputs are in the folder too; the error is that of the failed output."""
    source = """
        from pathlib import Path
        from ovenbird import handler as named
        @named(outputs=["device", "fine"])
        def handler():
            return Path("/dev/zero"), {"a": 1}
    """
    job = jobs.run(source, "--output-dir", "out")
    assert (job.code, "'device': /dev/zero is a character device" in job.err) == (79, True)
    assert json.loads((jobs.folder / "out/fine.json").read_text()) == {"a": 1}


def test_the_current_folder_is_an_output_without_the_store(jobs: Jobs) -> None:
    """Each run stores the same files, not those of the runs before."""
    jobs.home = jobs.folder / ".ovenbird"
    (jobs.folder / "data.txt").write_text("x")
    source = "from pathlib import Path\ndef handler(): return Path('.')\n"
    jobs.write(source)
    for _ in range(2):
        jobs.run_verb("run", "main.py", OVENBIRD_HOME="")
        names = [info["path"] for info in jobs.read_entity("artifacts", "output_0")["status"]["files"]]
        assert [name for name in names if "__pycache__" not in name] == ["data.txt", "main.py"]


@pytest.mark.slow
def test_outputs_go_to_an_object_store(jobs: Jobs, s3: dict[str, str]) -> None:
    """With DHCORE_DEFAULT_FILES_STORE the files go to S3, and the next run reads them from there by key."""
    s3 = {**s3, "DHCORE_DEFAULT_FILES_STORE": "s3://outputs/runs"}
    job = jobs.run("import pandas\ndef handler(): return pandas.DataFrame({'a': [1, 2]})\n", **s3)
    assert job.code == 0, job.err
    key = job.result["outputs"]["output_0"]
    assert jobs.read_entity("dataitems", key)["spec"]["path"].startswith("s3://outputs/runs/default/dataitem/output_0/")
    total = "from pandas import DataFrame\ndef handler(t: DataFrame): return int(t.a.sum())\n"
    assert jobs.run(total, "--input", f"t={key}", **s3).result["results"] == {"output_0": 3}


@pytest.mark.slow
@pytest.mark.parametrize("status", [403, 500])
def test_a_store_that_refuses(jobs: Jobs, server: Any, status: int) -> None:
    """A store that answers 403 or 500 is exit 79, an error that names what was stored and what was not."""
    server.answer = lambda request: send_reply(request, b"", status)
    environ = {
        "AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "SECRET",
        "AWS_REGION": "us-east-1", "S3_PATH_STYLE": "true",
    }  # fmt: skip
    source = "from ovenbird import handler as named\n@named(outputs=['output_0', 'output_1'])\n"
    source += "def handler(): return 1, {'a': 1}\n"
    job = jobs.run(source, "--files-store", "s3://outputs", **environ)
    assert (job.code, job.result["state"], job.result["results"]) == (79, "ERROR", {"output_0": 1}), job.err
    assert "output 'output_1': s3://outputs/" in job.error["message"]
    assert f"{status}" in job.error["message"]
    assert "stored: output_0" in job.error["message"]
    assert "SECRET" not in job.err
    assert jobs.read_entity("artifacts", "output_1")["status"]["state"] == "ERROR"


def test_a_full_disk(jobs: Jobs) -> None:
    """A full disk below --files-store is exit 79 and names what was stored."""
    with disk(jobs.folder / "full", "64k") as full:
        source = (
            "from pathlib import Path\nimport os\ndef handler():\n    Path('big').write_bytes(os.urandom(300_000))\n"
        )
        job = jobs.run(
            source + "    Path('small').touch()\n    return Path('small'), Path('big')\n", "--files-store", str(full)
        )
    assert (job.code, job.result["state"], list(job.result["outputs"])) == (79, "ERROR", ["output_0"]), job.err
    assert "output 'output_1'" in job.error["message"]
    assert "No space left on device" in job.error["message"]


def test_a_full_disk_under_the_store(jobs: Jobs) -> None:
    """Printing continues; an end that cannot be recorded is exit 76, also in the result file."""
    with disk(jobs.home, "1m"):
        job = jobs.run(
            """
            import errno
            from pathlib import Path

            def handler():
                with Path("home/filler").open("wb", buffering=0) as file:
                    try:
                        while True:
                            file.write(bytes(4096))
                    except OSError as error:
                        assert error.errno == errno.ENOSPC
                print("x" * 100_000)
                return "r" * 100_000
            """
        )
    assert (job.code, len(job.out)) == (76, 100_001), job.err[-1000:]
    assert (job.result["state"], job.error["type"]) == ("ERROR", "platform")
    assert "could not be recorded" in job.error["message"]
    assert "full" in job.error["message"]


def test_what_the_handler_raises_is_the_runs_error(jobs: Jobs) -> None:
    """Exit 74, with type, message and a traceback of the user's frames alone; outputs logged before are stored."""
    job = jobs.run(
        """
        def inner():
            raise LookupError("no such thing\\nmore")

        def handler(project, run):
            project.log_artifact("before", data=b"kept")
            run.log_metric("seen", 1)
            inner()
        """
    )
    assert (job.code, job.result["state"], job.result["metrics"]) == (74, "ERROR", {"seen": [1.0]})
    assert (job.error["type"], job.error["message"]) == ("LookupError", "LookupError: no such thing")
    assert job.error["traceback"].count("File ") == 2
    assert "ovenbird" not in job.error["traceback"].replace(str(jobs.folder), "")
    assert list(job.result["outputs"]) == ["before"]
    assert jobs.read_entity("artifacts", "before")["status"]["state"] == "READY"
    record = jobs.read_record(job)
    assert record["status"]["error"] == job.error
    assert record["status"]["message"] == "LookupError: no such thing"


@pytest.mark.parametrize(
    ("argument", "code", "state"), [("3", 74, "ERROR"), ("'no'", 74, "ERROR"), ("0", 0, "COMPLETED")]
)
def test_sys_exit(jobs: Jobs, argument: str, code: int, state: str) -> None:
    """sys.exit(3) in a handler is an error of the run; sys.exit(0) is its end."""
    job = jobs.run(f"import sys\ndef handler(): sys.exit({argument})\n")
    assert (job.code, job.result["state"]) == (code, state)
    if code:
        assert job.error["message"] == f"the handler called sys.exit({argument})"


@pytest.mark.parametrize("statement", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_killed_run_is_recorded_at_the_next_start(jobs: Jobs, statement: str) -> None:
    """A run whose process vanished is recorded as ERROR with that reason; its logged outputs are stored."""
    job = jobs.run(f"import os\ndef handler(project):\n    project.log_artifact('a', data=b'x')\n    {statement}\n")
    assert job.code in (3, -9)
    assert job.result == {}
    (row,) = jobs.list_runs()
    record = jobs.read_entity("runs", row["id"])
    assert (row["state"], record["status"]["error"]["type"]) == ("ERROR", "ProcessLost")
    assert "SIGKILL" in record["status"]["message"]
    assert jobs.read_entity("artifacts", "a")["status"]["state"] == "READY"


@pytest.mark.parametrize(
    ("source", "code", "kind", "message"),
    [
        ("import no_such_module\n", 72, "load.module_failed", "no_such_module"),
        ("def handle(): pass\n", 72, "load.attribute_missing", "handle"),
        ("handler = 3\n\n", 72, "load.not_callable", "int"),
        ("def init(context): raise OSError('no model')\ndef handler(): pass\n", 73, "init", "OSError: no model"),
        ("async def init(context): raise OSError('no model')\ndef handler(): pass\n", 73, "init", "OSError: no model"),
        ("class handler:\n    def __init__(self): 1 / 0\n    def __call__(self): pass\n", 73, "init", "ZeroDivision"),
        ("def init(context, must): pass\ndef handler(): pass\n", 73, "init", "must"),
        ("async def handler(scope, receive, send): pass\n", 77, "arguments", "ASGI"),
    ],
)  # fmt: skip
def test_what_does_not_load_or_start_is_a_run_too(jobs: Jobs, source: str, code: int, kind: str, message: str) -> None:
    """A function that does not load, or whose init fails, leaves a run in state ERROR, linked to the function."""
    job = jobs.run(source)
    assert (job.code, job.result["state"], job.error["type"]) == (code, "ERROR", kind), job.err
    assert message in job.error["message"]
    assert jobs.read_record(job)["spec"]["function"].startswith("store://default/function/python/main:")


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("--param", "m=3", "--param", "n=3"), 77, "'m' is not an argument of the handler"),
        ((), 77, "'n' is missing"),
        (("--param", "n=three"), 77, "n: Expected int, got str"),
        (("--param", "n=1", "--param", "context=1"), 77, "'context' is filled by Ovenbird"),
        (("--param", "n=1", "--input", "n=main.py"), 77, "'n' is given as a parameter and as an input"),
        (("--param", "n=1", "--input", "data=store://default/artifact/artifact/gone"), 78, "gone"),
        (("--param", "n=1", "--input", "data=store://default/artifact"), 78, "has 2 parts"),
        (("--param", "n=1", "--input", "data=store://other/artifact/artifact/a"), 78, "belongs to the project 'other'"),
        (("--param", "n=1", "--input", "data=absent.csv"), 78, "no file 'absent.csv'"),
        (("--param", "n=1", "--input", "data=ftp://host/x"), 78, "ftp:// is not supported"),
    ],
)
def test_arguments_that_do_not_fit(jobs: Jobs, flags: tuple[str, ...], code: int, message: str) -> None:
    """Wrong names, types and keys are reported before the handler runs, and the run is recorded as ERROR."""
    job = jobs.run("def handler(context, n: int, data=None): print('ran')\n", *flags)
    assert (job.code, job.result["state"], job.out) == (code, "ERROR", ""), job.err
    assert message in job.error["message"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def handler(): return lambda: 0\n", "cannot be pickled"),
        ("from ovenbird import handler as o\n@o(outputs=['a/b'])\ndef handler(): print('ran')\n", "output name 'a/b'"),
        ("from ovenbird import handler as o\n@o(outputs=['..'])\ndef handler(): print('ran')\n", "output name '..'"),
        ("from ovenbird import handler as o\n@o(outputs=['a', 'a'])\ndef handler(): print('ran')\n", "two outputs"),
        ("from ovenbird import handler as o\n@o(outputs=['output_1'])\ndef handler(): return 1, 2\n", "two outputs"),
    ],
)
def test_outputs_that_cannot_be_stored(jobs: Jobs, source: str, message: str) -> None:
    """Exit 79: an object that no rule covers and nothing pickles, and names that cannot be used."""
    job = jobs.run(source)
    assert (job.code, job.out) == (79, ""), job.err
    assert message in job.error["message"]


@pytest.mark.slow
def test_two_runs_that_log_one_name_at_once_are_two_versions(jobs: Jobs) -> None:
    """Runs that share a store do not disturb each other, and each stores its version."""
    jobs.write("def handler(project, n: int): return project.log_artifact('same', data=str(n))\n", "same.py")
    started = [jobs.start("same.py", "--param", f"n={n}") for n in range(4)]
    finished = [wait() for _, wait in started]
    assert [job.code for job in finished] == [0, 0, 0, 0]
    rows = json.loads(jobs.run_verb("artifacts", "list", "--name", "same", "--versions"))
    assert {row["key"] for row in rows} == {job.result["outputs"]["same" if "same" in job.result["outputs"] else
                                            "output_0"] for job in finished}  # fmt: skip
    assert len(rows) == 4


def test_a_database_that_cannot_be_used(jobs: Jobs) -> None:
    """A corrupt database, and one of a newer version, are exit 76, before any user code runs."""
    jobs.home.mkdir()
    database = jobs.home / "ovenbird.db"
    database.write_bytes(b"not a database, " * 512)
    source = "print('ran')\ndef handler(): pass\n"
    job = jobs.run(source)
    assert (job.code, job.out) == (76, "")
    assert "damaged" in job.err
    database.unlink()
    assert jobs.run(source).code == 0
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    job = jobs.run(source)
    assert (job.code, job.out) == (76, "")
    assert "newer Ovenbird" in job.err


def test_a_result_file_that_cannot_be_written(jobs: Jobs) -> None:
    """Exit 79 when the run itself was well, whose record stays COMPLETED: here the function takes its place."""
    jobs.write("import os\ndef handler(): os.mkdir('result.json')\n")
    process = jobs.start_ovenbird("run", "main.py", "--result-file", "result.json")
    assert process.communicate()[1]
    assert process.returncode == 79
    assert jobs.list_runs()[0]["state"] == "COMPLETED"


@pytest.mark.parametrize(("flag", "name", "why"), [
    ("--result-file", "file/r.json", "cannot write 'file/r.json': 'file' is no folder"),
    ("--result-file", "file/a/r.json", "cannot write 'file/a/r.json': 'file' is no folder"),
    ("--result-file", "folder", "'folder' is a folder"),
    ("--result-file", "/proc/none/r.json", "cannot write '/proc/none/r.json': "),
    ("--output-dir", "file", "'file' is no folder"),
    ("--output-dir", "file/a", "cannot write 'file/a': 'file' is no folder"),
    ("--output-dir", "/proc/none", "cannot write '/proc/none': "),
    ("--files-store", "file/a", "cannot write 'file/a': 'file' is no folder"),
])  # fmt: skip
def test_outputs_that_cannot_be_written_are_refused_first(jobs: Jobs, flag: str, name: str, why: str) -> None:
    """The function is not called, and no run is recorded."""
    jobs.write("def handler(): raise SystemExit('called')\n")
    (jobs.folder / "file").write_text("")
    (jobs.folder / "folder").mkdir()
    process = jobs.start_ovenbird("run", "main.py", flag, name)
    error = process.communicate()[1]
    assert f"{flag}: {why}" in error
    assert "called" not in error
    assert process.returncode == 70
    assert jobs.list_runs() == []


def test_folders_for_outputs_are_created(jobs: Jobs) -> None:
    """Folders are created at any depth, and only when there is a file to write."""
    source = jobs.write(
        "import os\nfrom pathlib import Path\n"
        "def handler():\n    Path('x').write_text(str(os.path.exists('a')))\n    return Path('x')\n"
    )
    job = jobs.run(source.name, "--result-file", "a/b/r.json", "--output-dir", "a/c/d", "--files-store", "a/e/f")
    assert job.code == 0, job.err
    assert [path.read_text() for path in (jobs.folder / "a" / "c" / "d").iterdir()] == ["False"]
    assert (jobs.folder / "a" / "b" / "r.json").is_file()


@pytest.mark.parametrize("name", ["main.py", "./main.py", "params.json"])
def test_a_result_file_replaces_no_source(jobs: Jobs, name: str) -> None:
    """A result file over the source or an input is refused before anything is recorded."""
    source = jobs.write("def handler(a): return 1\n").read_text()
    (jobs.folder / "params.json").write_text('{"a": 1}')
    process = jobs.start_ovenbird("run", "main.py", "--params", "params.json", "--result-file", name)
    assert "is not replaced" in process.communicate()[1]
    assert process.returncode == 70
    assert (jobs.folder / "main.py").read_text() == source
    assert (jobs.folder / "params.json").read_text() == '{"a": 1}'
    assert jobs.list_runs() == []


def test_a_result_file_in_the_home(jobs: Jobs) -> None:
    """`~` is the home: a shell does not put it in behind `=`."""
    jobs.write("def handler(): return 1\n")
    process = jobs.start_ovenbird("run", "main.py", "--result-file=~/some/r.json", HOME=str(jobs.folder / "me"))
    assert process.wait(60) == 0
    assert (jobs.folder / "me" / "some" / "r.json").is_file()
    assert not (jobs.folder / "~").exists()


def test_a_result_file_that_is_no_file(jobs: Jobs) -> None:
    """A link to a pipe, as /dev/stdout, is written through and not replaced."""
    jobs.write("def handler(): return 1\n")
    link = jobs.folder / "stdout"
    link.symlink_to("/proc/self/fd/1")
    process = jobs.start_ovenbird("run", "main.py", "--result-file", str(link))
    assert json.loads(process.communicate()[0])["results"] == {"output_0": 1}
    assert process.returncode == 0
    assert link.is_symlink()


@pytest.mark.slow
def test_a_thread_left_behind_does_not_hold_the_process(jobs: Jobs) -> None:
    """The process ends when the record is made, whatever threads the function has left."""
    job = jobs.run(
        "import threading, time\ndef handler():\n    threading.Thread(target=time.sleep, args=(3600,)).start()\n"
    )
    assert (job.code, job.result["state"]) == (0, "COMPLETED")


def test_exponents_in_a_params_file(jobs: Jobs) -> None:
    """A number in scientific notation needs no point, at any depth; in quotes it is text."""
    (jobs.folder / "p.yaml").write_text("rate: 1e-3\nrates: [1E4, -2e+1, 5.e-1]\nname: '1e3'\ncommit: 12e4a\n")
    source = "def handler(rate: float, rates: list, name: str, commit): return [rate, rates, name, commit]\n"
    job = jobs.run(source, "--params", "p.yaml")
    assert (job.code, json.loads(job.out)) == (0, [0.001, [10000.0, -20.0, 0.5], "1e3", "12e4a"]), job.err


def test_params_files(jobs: Jobs) -> None:
    """A parameters file that cannot be read, or holds no mapping, is exit 77 and names the file."""
    jobs.write("def handler(): pass\n")
    for name, text, message in (
        ("absent.json", None, "cannot read 'absent.json'"),
        ("list.json", "[1]", "does not hold a mapping"),
        ("bad.json", "{", "is not JSON"),
        ("bad.yaml", "a: [", "bad.yaml' is not valid YAML"),
    ):
        if text is not None:
            (jobs.folder / name).write_text(text)
        process = jobs.start_ovenbird("run", "main.py", "--params", name)
        assert message in process.communicate()[1]
        assert process.returncode == 77

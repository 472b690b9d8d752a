"""`ovenbird runs|dataitems|artifacts|models|functions list|show|get|rm|logs` and `ovenbird lineage`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests import starts
from tests.jobs import Jobs
from tests.terminal import run_on_terminal

from ovenbird.commands.records.record_verbs import main
from ovenbird.errors import InputError, OvenbirdError, PlatformError
from ovenbird.platform.entities.run import start_run
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project


def _fill_store(store: LocalStore) -> dict[str, str]:
    """Two runs, the second from what the first made; the keys of all of it."""
    plain = Project(store, "p", {})
    function = plain.register_function("f", {"source": {"revision": "abc", "digest": "sha256:1"}})
    first = start_run(store, "p", {}, function=function.key, spec={"parameters": {"n": 3}})
    table = Project(store, "p", {}, run=first).log_artifact("table", data="one")
    first.finish("COMPLETED", outputs={"table": table.key})
    second = start_run(store, "p", {}, function=function.key)
    project = Project(store, "p", {}, run=second)
    project.get_artifact("table")
    model = project.log_model("m", data=b"weights", algorithm="linear")
    second.finish("ERROR", message="boom", error={"type": "ValueError", "message": "boom", "traceback": ""})
    newer = plain.log_artifact("table", data="two")
    return {"function": function.key, "first": first.key, "second": second.key, "table": table.key,
            "newer": newer.key, "model": model.key}  # fmt: skip


def _keys(text: str) -> list[str]:
    return [row["key"] for row in json.loads(text)]


def test_list(store: LocalStore, run_verb: Any) -> None:
    """Newest first; the latest of each name, or every version; by name, state, project and number."""
    keys = _fill_store(store)
    assert _keys(run_verb("runs", "list")) == [keys["second"], keys["first"]]
    assert _keys(run_verb("runs", "list", "--state", "completed")) == [keys["first"]]
    assert _keys(run_verb("runs", "list", "--limit", "1")) == [keys["second"]]
    assert _keys(run_verb("artifacts", "list")) == [keys["newer"]]
    assert _keys(run_verb("artifacts", "list", "--versions")) == [keys["newer"], keys["table"]]
    assert _keys(run_verb("artifacts", "list", "--name", "absent")) == []
    assert _keys(run_verb("models", "list", "--project", "p")) == [keys["model"]]
    assert _keys(run_verb("models", "list", "--project", "q")) == []
    assert _keys(run_verb("functions", "list", "--json")) == [keys["function"]]
    with pytest.raises(InputError, match="no run is ever in the state 'DONE'"):
        main(["runs", "list", "--state", "DONE"])


def test_show_takes_a_key_a_name_an_id_or_its_beginning(store: LocalStore, run_verb: Any) -> None:
    """All mean the same; the whole entity is printed as JSON, its relations, files and digests included."""
    keys = _fill_store(store)
    identity = keys["table"].rpartition(":")[2]
    for text in (keys["table"], identity, identity[:12]):
        assert json.loads(run_verb("artifacts", "show", text))["key"] == keys["table"]
    assert json.loads(run_verb("artifacts", "show", "table"))["key"] == keys["newer"]
    result = json.loads(run_verb("runs", "show", keys["second"]))
    assert (result["status"]["error"]["type"], result["status"]["state"]) == ("ValueError", "ERROR")
    assert json.loads(run_verb("models", "show", "m"))["status"]["files"][0]["hash"].startswith("md5:")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("runs", "show", "zzz"), "no run 'zzz'"),
        (("artifacts", "show", "tabel"), "no artifact 'tabel'"),
        (("artifacts", "show", "store://p/model/model/m"), "is a model, not"),
        (("models", "show", "store://p/model"), "has 2 parts"),
        (("lineage", "store://p/artifact/artifact/gone"), "gone"),
        (("lineage", "nothing"), "nothing is called 'nothing'"),
    ],
)
def test_missing_records_are_reported(store: LocalStore, run_verb: Any, words: tuple[str, ...], message: str) -> None:
    """The error names what was looked for."""
    keys = _fill_store(store)
    with pytest.raises(OvenbirdError, match=message):
        main([word.format(**keys) for word in words])


def test_get(store: LocalStore, run_verb: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are copied to a folder, by default the current one; --overwrite replaces existing files."""
    keys = _fill_store(store)
    monkeypatch.chdir(tmp_path)
    assert Path(run_verb("artifacts", "get", keys["table"]).strip()).read_text() == "one"
    with pytest.raises(InputError, match="exists"):
        main(["artifacts", "get", "table"])
    run_verb("artifacts", "get", "table", "--overwrite")
    assert (tmp_path / "table").read_text() == "two"
    (tmp_path / "sub").mkdir()
    assert Path(run_verb("models", "get", "m", "sub").strip()).read_bytes() == b"weights"


def test_rm(store: LocalStore, run_verb: Any) -> None:
    """A version goes with its files, --versions removes all, --keep-files leaves the files; a running run stays."""
    keys = _fill_store(store)
    files = store.home / "files"
    assert run_verb("artifacts", "rm", "table").split() == [keys["newer"]]
    assert _keys(run_verb("artifacts", "list")) == [keys["table"]]
    assert len(list(files.glob("p/artifact/table/*"))) == 1
    assert run_verb("models", "rm", "m", "--keep-files").split() == [keys["model"]]
    assert len(list(files.glob("p/model/m/*/m"))) == 1
    Project(store, "p", {}).log_artifact("table", data="three")
    assert len(run_verb("artifacts", "rm", "table", "--versions").split()) == 2
    assert not list(files.glob("p/artifact/table/*"))
    run_verb("runs", "rm", keys["first"], keys["second"])
    assert _keys(run_verb("runs", "list")) == []
    running = start_run(store, "p", {})
    with pytest.raises(PlatformError, match="still running"):
        main(["runs", "rm", running.id])


def test_lineage_through_two_runs(store: LocalStore, run_verb: Any) -> None:
    """Lineage leads from the model to the second run, its input, the first run, and the function's revision."""
    keys = _fill_store(store)
    tree = json.loads(run_verb("lineage", keys["model"], "--format", "json"))
    (second,) = tree["sources"]
    assert (tree["key"], second["key"], second["relation"]) == (keys["model"], keys["second"], "produced_by")
    function, table = second["sources"]
    assert (function["key"], function["detail"]["source"]["revision"]) == (keys["function"], "abc")
    assert (table["key"], table["relation"]) == (keys["table"], "consumes")
    assert table["sources"][0]["key"] == keys["first"]
    assert table["sources"][0]["detail"]["parameters"] == {"n": 3}

    text = run_verb("lineage", keys["model"])
    assert [keys[name] in text for name in ("model", "second", "function", "table", "first")] == [True] * 5
    assert "└─ consumes " in text
    dot = run_verb("lineage", keys["model"], "--format", "dot")
    assert f'"{keys["model"]}" -> "{keys["second"]}" [label="produced_by"];' in dot
    mermaid = run_verb("lineage", keys["model"], "--format", "mermaid")
    assert mermaid.startswith("flowchart BT\n")
    assert mermaid.count("-->") == dot.count("->") == 5


def test_lineage_by_name(store: LocalStore, run_verb: Any) -> None:
    """A key without its version is the latest; what was removed is named as such."""
    keys = _fill_store(store)
    run_verb("artifacts", "rm", keys["table"])
    text = run_verb("lineage", "store://p/model/model/m")
    assert keys["model"] in text
    assert f"consumes {keys['table']}  (removed)" in text


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Help is printed and is no fault; a wrong word is exit 70."""
    assert main(["runs", "--help"]) == 0
    assert "logs" in capsys.readouterr().out
    assert main(["runs", "fly"]) == 70
    assert main(["artifacts", "logs", "x"]) == 70


def test_a_table_on_a_terminal(jobs: Jobs) -> None:
    """On a terminal a listing is a table in columns; elsewhere, and with --json, JSON."""
    jobs.run("def handler(project): project.log_artifact('made', data=b'x')\n")
    env = {**os.environ, "OVENBIRD_HOME": str(jobs.home)}

    def run_on_tty(*words: str) -> str:
        return run_on_terminal(words, env, start=starts.start).text

    head, line = run_on_tty("runs", "list").splitlines()
    assert head.split() == ["ID", "STATE", "FUNCTION", "STARTED", "TOOK"]
    assert line.split()[1:3] == ["COMPLETED", "main"]
    head, line = run_on_tty("artifacts", "list").splitlines()
    assert (head.split()[0], line.split()[:2]) == ("NAME", ["made", "artifact"])
    assert json.loads(run_on_tty("artifacts", "list", "--json"))[0]["name"] == "made"


def test_who_reads_may_stop_reading(jobs: Jobs) -> None:
    """`ovenbird runs list | head -1` ends well."""
    jobs.run("def handler(): pass\n")
    env = {**os.environ, "OVENBIRD_HOME": str(jobs.home)}
    read, write = os.pipe()
    os.close(read)
    process = starts.run("runs", "list", env=env, stdout=write)
    os.close(write)
    assert (process.returncode, process.stderr) == (0, "")


def test_the_newest_of_many(jobs: Jobs, store: LocalStore) -> None:
    """A listing stops at its limit, and says so on a terminal."""
    project = Project(store, "p", {})
    for number in range(3):
        project.new_artifact(f"a{number}", path="/x")
    env = {**os.environ, "OVENBIRD_HOME": str(store.home)}
    output = run_on_terminal(["artifacts", "list", "--limit", "2"], env, start=starts.start)
    assert (output.code, len(output.text.splitlines())) == (0, 3)
    assert "the newest 2" in output.errors

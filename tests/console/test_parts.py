"""The parts below the pages: logs, targets, curves, times, links, options."""

from __future__ import annotations

import io
import os
import re
import resource
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.console.project import record_run

from ovenbird.errors import InputError, OutputError
from ovenbird.function_document import read
from ovenbird.page.form_values import FormResult
from ovenbird.page.schema_fields import make_fields
from ovenbird.platform.keys import parse_key, run_key
from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.process_identity import read_own_identity
from ovenbird_builder.actions.image_facts import sort_components
from ovenbird_console import run_logs
from ovenbird_console.console import Console
from ovenbird_console.function_files import DEFAULTS, digest_code, make_document, replace_code, write_function
from ovenbird_console.image_facts import read_package
from ovenbird_console.kube_context import read_context
from ovenbird_console.links import link_to
from ovenbird_console.local_services import find_services
from ovenbird_console.moments import format_age, format_duration
from ovenbird_console.pages.run_form import collect_arguments
from ovenbird_console.run_options import read_choices, read_pairs
from ovenbird_console.run_places import list_places
from ovenbird_console.run_start import choose_project
from ovenbird_console.sweep_grid import make_lines, read_grid
from ovenbird_console.sweep_runs import make_table
from ovenbird_console.targets import find_targets
from ovenbird_console.tasks import Task
from ovenbird_console.uploads import Uploads, mark_uploads


@pytest.mark.parametrize(("line", "text"), [
    ("plain\ttext", "plain    text"),
    ("\x1b[31mred\x1b[0m \x1b]0;title\x07\x00", "red \\x00"),
    ("10%\r50%\r100%", "100%"),
    ('{"time":"2026-01-02T03:04:05.678Z","level":"info","message":"m <b>","n":1}', "03:04:05 INFO    m <b> n=1"),
    ('{"message": ["no text"]}', "        ['no text']"),
    ("{not json", "{not json"),
    ("[1]", "[1]"),
    ("\u202ereversed", "\\u202ereversed"),
], ids=["tab", "colours", "progress", "ours", "odd", "broken", "list", "direction"])  # fmt: skip
def test_lines_of_a_log(line: str, text: str) -> None:
    """A line is shown as text that no terminal or browser obeys."""
    assert run_logs.format_line(line).strip() == text.strip()


def test_the_parts_of_a_growing_log(tmp_path: Path) -> None:
    """Each line is read once, whole; a reader that is far behind goes on at the end."""
    path = tmp_path / "log"
    assert run_logs.read_log_file(path) == ("", 0, 0)
    path.write_text("one\ntw")
    part = run_logs.read_log_file(path)
    assert part == ("one\n", 4, 0)
    path.write_text("one\ntwo\n")
    assert run_logs.read_log_file(path, part.end).text == "two\n"
    path.write_text("one\n" + "x" * 99 + "\n" + ("y" * 99 + "\n") * 10_000)
    late = run_logs.read_log_file(path, 4)
    assert (late.end, len(late.text) <= run_logs.TAIL, late.skipped > 0) == (path.stat().st_size, True, True)
    path.write_text("new\n")
    assert run_logs.read_log_file(path, late.end).text == "new\n"
    path.write_text("one\ntwo")
    assert run_logs.read_log_file(path, 4) == ("", 4, 0)
    assert run_logs.read_log_file(path, 4, has_ended=True) == ("two\n", 7, 0)
    assert run_logs.read_log_file(path, 7, has_ended=True) == ("", 7, 0)
    assert run_logs.read_log_file(path, has_ended=True).text == "one\ntwo\n"
    path.write_text("z" * 1_000_000)  # a line without an end goes on piece by piece
    assert run_logs.read_log_file(path, 0).end <= 1_000_000


def test_functions_are_found_without_importing(tmp_path: Path) -> None:
    """Public functions of modules, handlers alone where there are any; a document stands for its handler."""
    (tmp_path / "plain.py").write_text(
        'raise SystemExit\ndef one(): "First.\\n\\nmore"\ndef _two(): ...\nasync def three(): ...'
    )
    (tmp_path / "served.py").write_text("def handler(): ...\ndef helper(): ...")
    (tmp_path / "marked.py").write_text("import ovenbird\n@ovenbird.handler(init=None)\ndef call(): ...\ndef no(): ...")
    for name in ("test_x.py", "broken.py", "conftest.py"):
        (tmp_path / name).write_text("def f(:" if name == "broken.py" else "def f(): ...")
    for folder in ("env", ".hidden", "inner", "deep/a/b/c/d/e"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "m.py").write_text("def handler(): ...")
    (tmp_path / "inner/function.yaml").write_text(
        "kind: python\nname: sums\nspec: {source: {source: m.py, handler: handler}}"
    )
    (tmp_path / "deep/function.yaml").write_text("kind: other\n")
    assert [(found.text, found.name, found.summary) for found in find_targets(tmp_path)] == [
        ("inner/function.yaml", "sums", ""), ("marked.py:call", "call", ""), ("plain.py:one", "one", "First."),
        ("plain.py:three", "three", ""), ("served.py:handler", "served", ""),
    ]  # fmt: skip


def test_times() -> None:
    """As people say them; what is no time is nothing."""
    assert format_age("1970-01-01T00:00:00Z", 90.0) == "1 min ago"
    assert format_age("1970-01-01T00:00:00Z", 0.0) == "just now"
    assert [format_age(odd) for odd in (None, "", "soon", 3)] == ["", "", "", ""]
    start = "2026-01-01T00:00:00.000Z"
    ends = {"2026-01-01T00:00:01.500Z": "1.50 s", "2026-01-01T00:00:42Z": "42.0 s",
            "2026-01-01T00:02:03Z": "2 min 03 s",
            "2026-01-01T05:06:00Z": "5 h 06 min", "2025-01-01T00:00:00Z": "0.00 s"}  # fmt: skip
    assert {end: format_duration(start, end) for end in ends} == ends


@pytest.mark.parametrize(("key", "path"), [
    ("store://p/run/python+job:run/1:1", "/runs/p/1"),
    ("store://p/function/python/f:2", "/functions/p/f?revision=2"),
    ("store://p/dataitem/table/cities@1,x:3", "/dataitems/p/cities%401%2Cx/3"),
    ("javascript:alert(1)", ""), ("store://p/secret/s/n:1", ""), ("", ""),
], ids=["run", "function", "odd name", "script", "secret", "empty"])  # fmt: skip
def test_keys_lead_to_pages(key: str, path: str) -> None:
    """Each part is quoted; what is no key of an entity with a page leads nowhere."""
    assert link_to(key) == path


def test_options_of_a_run() -> None:
    """Each option is checked, and refused where the way of running has none; errors name a line and never a value."""
    assert read_pairs("A=1\n\n B = x=y ") == {"A": "1", "B": "x=y"}
    places = list_places({"DHCORE_ENDPOINT": "http://core", "PATH": ""})
    assert [bool(place.missing) for place in places] == [False, True, True, False]
    choices, errors = read_choices({"run.tags": "stage=test, fast", "run.timeout": "5m", "run.reuse": "on"}, places)
    assert (choices.tags, choices.reuse, errors) == ({"stage": "test", "fast": ""}, True, {})
    wrong = {"timeout": "soon", "variables": "A=1\nhunter2", "secrets": "A=hunter2", "parallel": "0",
             "name": "latest", "project": "../up"}  # fmt: skip
    _, errors = read_choices({f"run.{name}": text for name, text in wrong.items()}, places)
    assert set(errors) == {f"run.{name}" for name in wrong}
    assert "hunter2" not in str(errors)
    for name in ("OVENBIRD_HOME", "OVENBIRD_PROJECT", "PROJECT_NAME"):
        assert "run.variables" in read_choices({"run.variables": f"{name}=elsewhere"}, places)[1]
    given = {"run.place": "platform", "run.resources.cpu": "500m", "run.volumes": "empty_dir data /data size_limit=1Gi"}
    choices, errors = read_choices({**given, "run.timeout": "5m", "run.grid": "n=1,2"}, places)
    assert errors == {"run.timeout": "The platform has no time limit.", "run.grid": "The platform has no sweep."}
    volume = {"volume_type": "empty_dir", "name": "data", "mount_path": "/data", "spec": {"size_limit": "1Gi"}}
    assert (choices.resources, choices.volumes) == ({"cpu": "500m"}, [volume])
    wrong = {"run.place": "platform", "run.resources.mem": "much", "run.volumes": "disk data /data"}
    assert set(read_choices(wrong, places)[1]) == {"run.resources.mem", "run.volumes"}
    assert "run.place" in read_choices({"run.place": "container"}, places)[1]
    assert "run.place" in read_choices({"run.place": "moon"}, places)[1]


@pytest.mark.parametrize(
    ("texts", "context"),
    [
        (["kind: Config\ncurrent-context: orchard\n"], "orchard"),
        (['current-context: "a b"\n', "current-context: 'garden@x.example:6443'  # ours\n"], "a b"),
        (['current-context: ""\ncontexts:\n- a\n', '{"kind": "Config", "current-context": "garden"}'], "garden"),
        (["contexts:\n- name: current-context\n"], ""),
        ([], ""),
    ],
    ids=["plain", "quoted", "empty and JSON", "none", "no file"],
)  # fmt: skip
def test_the_current_context(texts: list[str], context: str, tmp_path: Path) -> None:
    """It is that of the first file that has one; a file that is not there is passed over."""
    paths = [str(tmp_path / "missing")]
    for number, text in enumerate(texts):
        paths.append(str(tmp_path / str(number)))
        (tmp_path / str(number)).write_text(text)
    assert read_context({"KUBECONFIG": os.pathsep.join(paths)}) == context
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text("current-context: home\n")
    assert read_context({"HOME": str(tmp_path)}) == "home"


def test_the_combinations_of_a_sweep() -> None:
    """Each value is read as its field reads it; the last name varies first."""
    schema = {"properties": {
        "depth": {"type": "integer"}, "fast": {"type": "boolean", "default": True},
        "names": {"type": "array", "items": {"type": "string"}},
        "password": {"type": "string"}, "table": {},
    }}  # fmt: skip
    fields = make_fields(schema, inputs={"table"})
    grid = read_grid('depth=3,5\n\nfast=true,no\nnames=["a,b"]', fields)
    assert grid == {"depth": [3, 5], "fast": [True, False], "names": [["a,b"]]}
    assert [line["depth"] for line in make_lines(grid)] == [3, 3, 5, 5]
    assert make_lines(read_grid('depth="",5', fields)) == [{}, {"depth": 5}]
    for text, message in {
        "depth": "Line 1: expected NAME=VALUE,VALUE", "depth=3,x": "depth: Expected a whole number, found 'x'",
        "n=1": "there is no parameter 'n'; there are: depth, fast, names", "depth=1\ndepth=2": "Line 2: depth is given",
        "fast=maybe": "expected true or false", "table=a,b": "is the same for all", "password=a": "is the same for all",
        f"depth={','.join(map(str, range(101)))}\nnames={','.join('a' * 100)}": "10,100 runs",
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=re.escape(message)):
            read_grid(text, fields)


def test_uploads_are_removed_with_their_last_run(tmp_path: Path) -> None:
    """Files of one field share a folder, under names of their own; what no run has named is kept for a week."""
    uploads = Uploads(tmp_path, {})
    files = [SimpleNamespace(filename=name, file=io.BytesIO(b"x")) for name in ("../a.csv", "a.csv", ".hidden")]
    paths = uploads.save("table", files)
    assert [path.name for path in paths] == ["a.csv", "1-a.csv", "hidden"]
    assert {path.parent for path in paths} == {paths[0].parent}
    assert (tmp_path / ".ovenbird/.gitignore").read_text() == "*\n"
    left = uploads.save("table", files[:1])
    first, second = record_run(tmp_path), record_run(tmp_path)
    keys = [str(run_key("default", identity)) for identity in (first, second)]
    store, folder, mark = LocalStore(tmp_path / ".ovenbird"), paths[0].parent, Path(f"{paths[0].parent}.runs")
    for key in keys:
        mark_uploads([folder], run=key, store=uploads.describe_store(store))
    store.remove(parse_key(keys[0]))
    os.utime(mark, (0, 0))
    assert (uploads.clean(store), paths[0].exists()) == (0, True)
    store.remove(parse_key(keys[1]))
    mark_uploads([folder])  # a further run is being started with it
    assert (uploads.clean(store), paths[0].exists()) == (0, True)
    os.utime(mark, (0, 0))
    assert (uploads.clean(store), folder.exists(), left[0].exists()) == (1, False, True)
    os.utime(left[0].parent, (0, 0))
    assert (uploads.clean(store), [path.name for path in uploads.folder.iterdir()]) == (1, [".gitignore"])
    store.close()


def test_uploads_that_may_be_used_are_kept(tmp_path: Path) -> None:
    """By a run of another store, by a process that lives; folders of others are never touched."""
    uploads, store = Uploads(tmp_path, {}), LocalStore(tmp_path / ".ovenbird")
    gone, user = str(run_key("default", "0" * 32)), {"filename": "a", "file": io.BytesIO(b"x")}
    (folder,) = {path.parent for path in uploads.save("table", [SimpleNamespace(**user)])}
    for mark in ({"store": "http://core", "run": gone}, {"process": list(read_own_identity())}):
        mark_uploads([folder], run=gone, store=".")
        mark_uploads([folder], **mark)
        os.utime(f"{folder}.runs", (0, 0))
        assert (uploads.clean(store), folder.exists()) == (0, True)
        Path(f"{folder}.runs").unlink()
    (uploads.folder / "of-others").mkdir()
    os.utime(uploads.folder / "of-others", (0, 0))
    os.utime(folder, (0, 0))
    uploads.folder.rename(tmp_path / "elsewhere")
    uploads.folder.symlink_to(tmp_path / "elsewhere")
    assert uploads.clean(store) == 0
    uploads.folder.unlink()
    (tmp_path / "elsewhere").rename(uploads.folder)
    assert (uploads.clean(store), {path.name for path in uploads.folder.iterdir()}) == (1, {".gitignore", "of-others"})
    store.close()


def test_uploads_that_values_name(tmp_path: Path) -> None:
    """A run that is run again uses them too: as an input, and in lists; other paths are none."""
    uploads = Uploads(tmp_path, {})
    folder = uploads.folder / ("a" * 32)
    values = ({"table": str(folder / "x.csv")}, {"paths": [1, ".ovenbird/ui-uploads/" + "b" * 32]}, str(uploads.folder))
    assert uploads.find_folders(values) == [folder, uploads.folder / ("b" * 32)]
    assert uploads.find_folders([str(tmp_path), "store://p/x", "", str(uploads.folder / "of-others" / "a")]) == []


def test_a_field_that_cannot_be_saved_leaves_nothing(tmp_path: Path) -> None:
    """The files of the fields before it are removed too; a folder of others gets no file but theirs."""
    console = Console(tmp_path, {"OVENBIRD_HOME": str(tmp_path)}, "token", 1)
    files = [SimpleNamespace(filename="a", file=io.BytesIO(b"x" * size)) for size in (1, 9)]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, limits[1]))  # as a disk that is full
    try:
        with pytest.raises(OutputError, match="the file of two cannot be kept"):
            collect_arguments(console, (), FormResult(files={"one": files[:1], "two": files[1:]}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.rglob("*")] == ["ui-uploads", ".gitignore"]


def test_the_project_of_a_run(tmp_path: Path) -> None:
    """It is the one that the run takes: of the form, else of the variables in the order of the command."""
    (tmp_path / "f.py").write_text("def f(): ...\n")
    environ = {"OVENBIRD_PROJECT": "one", "PROJECT_NAME": "two"}
    assert choose_project(Console(tmp_path, environ, "token", 1), "f.py:f", "") == "one"
    assert choose_project(Console(tmp_path, environ, "token", 1), "f.py:f", "three") == "three"
    assert choose_project(Console(tmp_path, {}, "token", 1), "f.py:f", "") == "default"


def test_a_long_name_of_a_file(tmp_path: Path) -> None:
    """It is cut at its beginning, to what a file system takes: bytes count, and no letter is broken."""
    (path,) = Uploads(tmp_path, {}).save("x", [SimpleNamespace(filename="\u8868" * 90 + ".csv", file=io.BytesIO(b"x"))])
    assert path.name == "\u8868" * 65 + ".csv"


def test_the_key_of_a_run_in_a_container(tmp_path: Path) -> None:
    """It is the one that the runtime has logged first; what the function prints later is none."""
    key, other = (str(run_key("default", digit * 32)) for digit in "ab")
    process = subprocess.Popen(["true"])
    task = Task("t", "container", "f", tmp_path / "log", process)
    task.log.write_text(f"build\n12:00:00.000 info    run {key}")
    assert task.run_key == ""
    task.log.write_text(f"build\n12:00:00.000 info    run {key} of f\n12:00:00.000 info    run {other} of f\n")
    assert task.run_key == key
    process.wait()
    quiet = Task("t", "container", "f", tmp_path / "log", process)
    quiet.log.write_text(f"{other}\nCOMPLETED {key}\n")
    assert quiet.run_key == key
    remote = Task("t", "cluster", "f", tmp_path / "log", process)
    remote.log.write_text(f"pushed\nRUNNING {key}\n12:00:00.000 info    run {other} of f\nRUNNING {other}\n")
    assert remote.run_key == key


def test_records_that_others_have_written(tmp_path: Path) -> None:
    """What is of another type counts as absent, in the table of a sweep."""
    record_run(tmp_path, results=[1, 2], parameters=[1], error=3, outputs=[2])
    store = LocalStore(tmp_path / ".ovenbird")
    records = [record | {"status": record["status"] | {"started": 5}} for record in store.iterate_records("run")]
    table = make_table(store, records, 0)
    assert [(row["parameters"], row["results"], row["started"]) for row in table.rows] == [({}, {}, "")]
    assert (table.count, table.ended_count) == (1, 1)
    store.close()


@pytest.mark.parametrize(("licenses", "text"), [
    (["MIT"], "MIT"), ([{"license": "MIT"}], "MIT"), ([{"license": {"name": "Own"}}], "Own"),
    ([{"expression": "MIT OR BSD"}, 3], "MIT OR BSD"), ({"id": "MIT"}, ""),
], ids=["text", "flat", "named", "expression", "object"])  # fmt: skip
def test_bills_of_others(licenses: object, text: str) -> None:
    """A license is read as it is written; components that are no objects are left out."""
    assert read_package({"name": "x", "version": 1, "licenses": licenses}) == ("x", "", text)
    assert sort_components(["x", {"name": "b"}, {"name": "A"}]) == [{"name": "A"}, {"name": "b"}]
    assert sort_components("x") == []


def test_a_document_is_written_and_edited(tmp_path: Path) -> None:
    """What the form writes is a valid document, whose source is replaced only by who has seen it."""
    typed = {
        **DEFAULTS,
        "name": "f",
        "requirements": "pandas>=2\n\nsix",
        "python_version": "3.12",
        "code": "def handler():\r\n    pass\n",
    }
    document, errors = make_document(typed, tmp_path)
    assert errors == {}
    path = write_function(document, tmp_path)
    spec = read(path)
    assert (spec.name, spec.requirements, spec.code) == ("f", ("pandas>=2", "six"), "def handler():\n    pass\n")
    replace_code(path, "def handler(): return '\u00fc'\n", digest_code(spec.code or ""))
    assert read(path).code == "def handler(): return '\u00fc'\n"
    with pytest.raises(InputError, match="changed meanwhile"):
        replace_code(path, "x", digest_code("other"))
    with pytest.raises(InputError, match="cannot make the folder"):
        write_function(document, tmp_path)
    with pytest.raises(InputError, match="the source is empty"):
        replace_code(tmp_path / "f", " ", digest_code(read(path).code or ""))


def test_an_absolute_source_stays_where_it_is(tmp_path: Path) -> None:
    """A relative one is written as seen from the new folder."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("def handler(): ...\n")
    for name, text in (("a", str(tmp_path / "app")), ("b", "app")):
        document, errors = make_document({**DEFAULTS, "name": name, "form": "path", "source": text}, tmp_path)
        assert errors == {}
        spec = read(write_function(document, tmp_path))
        assert (spec.source, spec.local_source) == (text if name == "a" else "../app", tmp_path / "app")


def test_a_document_that_cannot_be_written_leaves_no_folder(tmp_path: Path) -> None:
    """The error has the reason; the next attempt finds the name free."""
    document, _ = make_document({**DEFAULTS, "name": "f"}, tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))  # as a disk that is full
    try:
        with pytest.raises(InputError, match=r"cannot write .*function.yaml: File too large"):
            write_function(document, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("change", "field"), [
    ({"name": "../up"}, "name"), ({"name": ""}, "name"), ({"handler": "no handler"}, "handler"),
    ({"code": " "}, "code"),
    ({"form": "git", "source": ""}, "source"), ({"form": "path", "source": "missing.py"}, "source"),
    ({"init_function": "a b"}, "init_function"), ({"python_version": "2.7"}, "python_version"),
], ids=lambda value: "-".join(value) if isinstance(value, dict) else None)  # fmt: skip
def test_what_does_not_fit_is_told_at_its_field(tmp_path: Path, change: dict[str, str], field: str) -> None:
    """Each problem of the document belongs to a field of the form."""
    assert field in make_document({**DEFAULTS, "name": "f", **change}, tmp_path)[1]


def test_no_process_is_taken_for_a_service_by_its_words(tmp_path: Path) -> None:
    """A process counts when it is `ovenbird serve` and listens; others, and what cannot be read, do not."""
    assert find_services(set(), tmp_path) == []
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "cmdline").write_bytes(b"vim\0ovenbird\0notes\0")
    assert find_services(set(), tmp_path) == []

"""The parts below the pages: logs, targets, curves, times, links, options."""

from __future__ import annotations

import io
import os
import re
import resource
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.console.project import record_run

from ovenbird.errors import InputError
from ovenbird.function_document import read
from ovenbird.page.schema_fields import make_fields
from ovenbird.platform.keys import parse_key, run_key
from ovenbird.platform.local.store import LocalStore
from ovenbird_console import run_logs
from ovenbird_console.function_files import DEFAULTS, digest_code, make_document, replace_code, write_function
from ovenbird_console.links import link_to
from ovenbird_console.local_services import find_services
from ovenbird_console.moments import format_age, format_duration
from ovenbird_console.run_options import read_choices, read_pairs
from ovenbird_console.run_places import list_places
from ovenbird_console.sweep_grid import make_lines, read_grid
from ovenbird_console.targets import find_targets
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
    assert [bool(place.missing) for place in places] == [False, True, False]
    choices, errors = read_choices({"run.tags": "stage=test, fast", "run.timeout": "5m", "run.reuse": "on"}, places)
    assert (choices.tags, choices.reuse, errors) == ({"stage": "test", "fast": ""}, True, {})
    wrong = {"timeout": "soon", "variables": "A=1\nhunter2", "secrets": "A=hunter2", "parallel": "0",
             "name": "latest", "project": "../up"}  # fmt: skip
    _, errors = read_choices({f"run.{name}": text for name, text in wrong.items()}, places)
    assert set(errors) == {f"run.{name}" for name in wrong}
    assert "hunter2" not in str(errors)
    assert "run.variables" in read_choices({"run.variables": "OVENBIRD_HOME=/elsewhere"}, places)[1]
    given = {"run.place": "platform", "run.resources.cpu": "500m", "run.volumes": "empty_dir data /data size_limit=1Gi"}
    choices, errors = read_choices({**given, "run.timeout": "5m", "run.grid": "n=1,2"}, places)
    assert errors == {"run.timeout": "The platform has no time limit.", "run.grid": "The platform has no sweep."}
    volume = {"volume_type": "empty_dir", "name": "data", "mount_path": "/data", "spec": {"size_limit": "1Gi"}}
    assert (choices.resources, choices.volumes) == ({"cpu": "500m"}, [volume])
    wrong = {"run.place": "platform", "run.resources.mem": "much", "run.volumes": "disk data /data"}
    assert set(read_choices(wrong, places)[1]) == {"run.resources.mem", "run.volumes"}
    assert "run.place" in read_choices({"run.place": "container"}, places)[1]
    assert "run.place" in read_choices({"run.place": "moon"}, places)[1]


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
    for key in keys:
        mark_uploads(paths, key)
    store = LocalStore(tmp_path / ".ovenbird")
    store.remove(parse_key(keys[0]))
    assert (uploads.clean(store), paths[0].exists()) == (0, True)
    store.remove(parse_key(keys[1]))
    assert (uploads.clean(store), paths[0].parent.exists(), left[0].exists()) == (1, False, True)
    os.utime(left[0].parent, (0, 0))
    assert (uploads.clean(store), list(uploads.folder.iterdir())) == (1, [])
    store.close()


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

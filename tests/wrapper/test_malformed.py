"""Malformed local input: whatever is typed, set or written, a command ends with a status of the contract."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests import starts

from ovenbird import settings as table
from ovenbird.common.units import parse_duration, parse_size, parse_whole
from ovenbird.errors import SettingsError

SCRIPT = Path(__file__).with_name("malformed.py")
TEXTS = [
    "", " ", "x" * 5000, "x/" * 3000 + "m.py", "x" * 300 + ".py:f", "9" * 300, "9" * 5000, "\u0663", "\xb2", "-1", "+1",
    "1_0", "nan", "inf", "1e400", "a%00b", "a\nb", "\x1b[31m", "\u202e", "\udcff\udcfe", "../..", ":", "a:b:c",
    "{", "[1]", "[" * 20_000, "=", "==x", "http://[::1", "https://u:p@h:99999/x", "store://p/x",
    "store://a/b/c/d/e", "*", "a:b.c:",
    "@", "/dev/null", "file:///nowhere", "s3://", "x://y", "None", "--", "~nobody",
]  # fmt: skip
VALUES: list[Any] = [
    None, 1, 1.5, True, [], {}, [1], {"a": 1}, "", "a\0b", "x" * 5000, "x/" * 3000 + "m.py", "9" * 300, 10**300,
    float("nan"), float("inf"), "\u0663", "../..", "/", "/dev/null", "-x", "http://[::1", "https://u:p@h:99999/x",
    "s3://",
    "git+https://", "zip+x://y", [[["a"]]], {1: 2}, "\x1b[31m", "a:b:c", [None], ["x" * 5000], ["a\0"], "=", b"x",
]  # fmt: skip
DOCUMENT: dict[str, Any] = {
    "kind": "python", "name": "f", "project": "p", "metadata": {"labels": ["a"]},
    "spec": {
        "source": {"source": "main.py", "handler": "main:handler", "init_function": None, "base64": None,
                   "lang": "python", "code": None},
        "python_version": "3.11", "image": "i", "base_image": "b", "requirements": ["a"],
    },
}  # fmt: skip
PROCESSOR: dict[str, Any] = {
    "apiVersion": "nuclio.io/v1beta1", "kind": "NuclioFunction", "metadata": {"name": "f"},
    "spec": {
        "runtime": "python:3.11", "handler": "main:handler", "eventTimeout": "30s",
        "env": [{"name": "a", "value": "b"}],
        "triggers": {"t": {"kind": "cron", "maxWorkers": 1, "numWorkers": 2, "workerAvailabilityTimeoutMilliseconds": 3,
                           "attributes": {"port": 8080, "maxRequestBodySize": "4MiB", "readBufferSize": 3}}},
        "loggerSinks": [{"level": "info"}],
    },
}  # fmt: skip

_VARIABLES = ("PROJECT_NAME", "RUN_ID", "TRACEPARENT", "TRACESTATE", "OVENBIRD_TARGET", "OVENBIRD_SPARE_HOME",
              "OVENBIRD_PLATFORM", "DHCORE_DEFAULT_FILES_STORE", "OVENBIRD_HOME")  # fmt: skip


def walk_paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a nested value, the whole included."""
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from walk_paths(value[key], (*path, key))


def replace_at(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The value with another one at a place."""
    if not path:
        return other
    copied = inner = copy.deepcopy(value)
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = other
    return copied


def broken(folder: Path, cases: list[tuple[list[str], dict[str, str]]]) -> list[dict[str, Any]]:
    """The cases that break the contract, each run by the command's own entry."""
    (folder / "main.py").write_text("def handler(a=0, b=''):\n    return a\n")
    (folder / "cases").write_text("".join(json.dumps({"words": w, "environ": e}) + "\n" for w, e in cases))
    env = {"PATH": os.environ["PATH"], "HOME": str(folder / "person"), "OVENBIRD_HOME": str(folder / "home")}
    process = subprocess.run(
        [sys.executable, str(SCRIPT), "cases"], cwd=folder, env=env, capture_output=True, text=True, timeout=600,
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return [json.loads(line) for line in process.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["check", "run", "health"])
def test_every_setting_takes_any_text(tmp_path: Path, verb: str) -> None:
    """Flags and variables take very long names, digits of other scripts, and bytes that are no text.

    Each setting meets each text, and each of them is given as a flag and as a variable in turn.
    """
    target = [] if verb == "health" else ["main.py"]
    cases: list[tuple[list[str], dict[str, str]]] = []
    for number, row in enumerate(table.options(verb)):
        for index, text in enumerate(TEXTS):
            if (number + index) % 2:
                cases.append(([verb, *target, f"{table.flag(row)}={text}"], {}))
            else:
                cases.append(([verb, *target], {table.variable(row): text}))
    # its question is put to a port that something may listen on, and its answer is 0 or 1
    assert [case for case in broken(tmp_path, cases) if verb != "health" or case["code"] != "1"] == []


@pytest.mark.slow
def test_every_command_takes_any_word(tmp_path: Path) -> None:
    """Targets, keys, filters, bodies, headers, names of files, and variables that are no setting.

    Every second text meets artifacts, the others functions: one code reads both. So it is with the verbs of a variable.
    """
    cases: list[tuple[list[str], dict[str, str]]] = []
    for index, text in enumerate(TEXTS):
        cases += [([verb, text], {}) for verb in ("check", "run", "invoke", "lineage")] + [([text], {})]
        for noun in ("runs", ("artifacts", "functions")[index % 2]):
            cases += [
                ([noun, verb, text], {}) for verb in ("show", "get", "rm", *(("logs",) if noun == "runs" else ()))
            ]
            cases += [([noun, "list", f"--{flag}={text}"], {}) for flag in ("name", "state", "project", "limit")]
        cases += [
            (["invoke", "main.py", f"--{flag}={text}"], {})
            for flag in ("data", "content-type", "header", "method", "path")
        ]
        cases += [(["invoke", "main.py", f"--data=@{text}"], {}), (["processor", "--config", text], {})]
        for number, name in enumerate(_VARIABLES):
            cases.append((["run", "main.py"] if (index + number) % 2 else ["runs", "list"], {name: text}))
    assert broken(tmp_path, cases) == []


@pytest.mark.slow
@pytest.mark.parametrize("form", ["document", "processor"])
def test_every_field_of_a_document_takes_any_value(tmp_path: Path, form: str) -> None:
    """Each field takes each type of YAML, no value, NUL, and numbers beyond the machine's."""
    cases: list[tuple[list[str], dict[str, str]]] = []
    document = DOCUMENT if form == "document" else PROCESSOR
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/main.py").write_text("def handler(): pass\n")
    for path in walk_paths(document):
        for value in VALUES:
            name = f"docs/{len(cases)}.yaml"
            (tmp_path / name).write_text(yaml.safe_dump(replace_at(document, path, value)))
            cases.append((["check", name] if form == "document" else ["processor", "--config", name], {}))
    assert broken(tmp_path, cases) == []


@pytest.mark.slow
def test_every_file_of_parameters_takes_any_value(tmp_path: Path) -> None:
    """Files of parameters are read as YAML, as JSON, and as a line of `--each`."""
    cases: list[tuple[list[str], dict[str, str]]] = []
    for index, value in enumerate(VALUES):
        for number, content in enumerate((value, {"a": value}, {"a": value, "b": [value]})):
            name = f"{index}-{number}"
            (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
            (tmp_path / f"{name}.json").write_text(json.dumps(content, default=str))
            cases += [(["run", "main.py", "--params", f"{name}.{end}"], {}) for end in ("yaml", "json")]
            cases.append((["run", "main.py", "--each", f"{name}.json", "--index", "0"], {}))
    assert broken(tmp_path, cases) == []


@pytest.mark.parametrize("verb", ["serve", "check", "run", "invoke", "processor", "health"])
@pytest.mark.parametrize("text", ["\u0663", "\xb2", "9" * 300, "9" * 5000, "1_0", "-1", "\udcff", ""])
def test_no_number_is_lenient(verb: str, text: str) -> None:
    """A size, a duration or a whole number of digits that are not ASCII's, or of hundreds of them, is an error."""
    rows = [row for row in table.options(verb) if row.metadata["parse"] in (parse_duration, parse_size, parse_whole)]
    for row in rows:
        with pytest.raises(SettingsError, match=table.flag(row)):
            table.resolve(verb, {row.name: text}, {})


@pytest.mark.parametrize(
    ("words", "code"),
    [((b"check", b"\xff\xfe.py"), 70), ((b"check", b"x" * 5000), 72), ((b"run", b"main.py", b"--timeout=\xff"), 70),
     ((b"runs", b"show", b"\xff"), 70), ((b"runs", b"list", b"--limit=" + b"9" * 300), 70)],
)  # fmt: skip
def test_a_command_ends_with_its_status(tmp_path: Path, words: tuple[bytes, ...], code: int) -> None:
    """The same by the command itself."""
    (tmp_path / "main.py").write_text("def handler(a=0): return a\n")
    process = starts.run(*map(os.fsdecode, words), cwd=tmp_path, text=False, timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in process.stderr
    assert len(process.stderr) < 5000

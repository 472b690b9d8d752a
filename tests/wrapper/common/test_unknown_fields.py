"""Fields of a function document that nothing reads are warned of, and refused by `--strict`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests import starts
from tests.service import Service

from ovenbird.errors import DocumentError
from ovenbird.function_document import describe_unknown_fields, parse, read

MISSPELLED = """
kind: python
name: f
spec:
  requirments: [six]
  source: {source: main.py, handler: handler, init_func: prepare}
"""
WARNINGS = (
    "spec.requirments: not a field that is read; did you mean 'requirements'?",
    "spec.source.init_func: not a field that is read; did you mean 'init_function'?",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a function whose document has two misspelled fields."""
    (tmp_path / "function.yaml").write_text(MISSPELLED)
    (tmp_path / "main.py").write_text("def handler(n: int = 1):\n    return n\n")
    return tmp_path


def ovenbird(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, with a store of its own and the log as JSON."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OVENBIRD_", "PORT", "CI"))}
    return starts.run(*words, cwd=cwd, env={**clean, "OVENBIRD_HOME": str(cwd / "store")})


def logged_warnings(log: str) -> list[str]:
    """The messages of the log's warnings."""
    records = [json.loads(line) for line in log.splitlines()]
    return [record["message"].removeprefix("function document: ") for record in records if record["level"] == "warning"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"spec.python_verson": "3.12"},
            "spec.python_verson: not a field that is read; did you mean 'python_version'?",
        ),
        ({"spec.base-image": "x"}, "spec.base-image: not a field that is read; did you mean 'base_image'?"),
        ({"spec.baseImage": "x"}, "spec.baseImage: not a field that is read; did you mean 'base_image'?"),
        ({"spec.handler": "f"}, "spec.handler: not a field that is read; it belongs below `spec.source`"),
        ({"spec.handlr": "f"}, "spec.handlr: not a field that is read; did you mean 'handler' below `spec.source`?"),
        (
            {"spec.source.requirements": []},
            "spec.source.requirements: not a field that is read; it belongs below `spec`",
        ),
        ({"spec.source.entry": "f"}, "spec.source.entry: not a field that is read; known are allow, "),
        ({"spec.source.1": "f"}, "spec.source.1: not a field that is read; known are "),
        ({"requirements": []}, "requirements: not a field that is read; it belongs below `spec`"),
        ({"projct": "p"}, "projct: not a field that is read; did you mean 'project'?"),
        ({"metadata.lables": []}, "metadata.lables: not a field that is read; did you mean 'labels'?"),
        ({"spec.\x1b[2J": 1}, "spec.'\\x1b[2J': not a field that is read; known are "),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_unknown_field_gets_a_suggestion(change: dict[str, Any], sentence: str) -> None:
    """At each level the error has the similar name, the level where the field belongs, or the fields of this level."""
    document: dict[str, Any] = {"kind": "python", "name": "f", "metadata": {}, "spec": {"source": {"handler": "f"}}}
    ((path, value),) = change.items()
    *above, last = path.split(".") if "\x1b" not in path else ("spec", path[5:])
    folder: Any = document
    for name in above:
        folder = folder[name]
    folder[int(last) if last.isdigit() else last] = value
    (result,) = describe_unknown_fields(document)
    assert result.startswith(sentence)


def test_fields_of_the_platform_and_of_tasks_are_known() -> None:
    """Fields of Core's answers, of tasks and builds, of an image's own document, and those with `x-` are known."""
    document = parse(
        """
        x-common: &common {lang: python}
        id: 5f
        key: store://p/function/python/f:5f
        user: me
        kind: python
        name: f
        project: p
        status: {state: CREATED}
        build: {lock: {}}
        metadata: {name: f, project: p, version: 5f, created: x, updated: x, created_by: me, updated_by: me,
          embedded: true, labels: [a], description: d, relationships: [], owner: us, team: them}
        spec:
          python_version: PYTHON3_12
          image: i
          base_image: b
          requirements: []
          instructions: []
          inputs: {}
          parameters: {}
          init_parameters: {}
          replicas: 1
          service_type: ClusterIP
          service_name: s
          volumes: []
          resources: {}
          envs: []
          secrets: []
          profile: p
          source: {<<: *common, source: main.py, handler: f, base64: "", code: "", init_function: i}
        """,
        "text",
    )
    assert describe_unknown_fields(document) == ()


@pytest.mark.slow
def test_many_unknown_fields_are_counted() -> None:
    """Twenty are named; work and text stay bounded."""
    document = {"kind": "python", "spec": {f"a{n}": n for n in range(5000)}}
    result = describe_unknown_fields(document)
    assert (len(result), result[-1]) == (21, "and 4980 more that are not known")


def test_an_invalid_document_names_its_unknown_fields_too(tmp_path: Path) -> None:
    """The field that is missing may be one of them."""
    path = tmp_path / "function.yaml"
    path.write_text("kind: python\nname: f\nspec: {source: {handlr: f}}\n")
    with pytest.raises(DocumentError) as caught:
        read(path)
    assert caught.value.problems == (
        "spec.source.handler: missing; `name` or `module:name`",
        "spec.source.handlr: not a field that is read; did you mean 'handler'?",
    )


@pytest.mark.parametrize("verb", ["check", "run", "invoke"])
def test_each_verb_warns_and_goes_on(folder: Path, verb: str) -> None:
    """Two warnings in the log, and the exit status of success."""
    process = ovenbird(verb, cwd=folder)
    assert process.returncode == 0, process.stderr
    assert logged_warnings(process.stderr) == list(WARNINGS)


def test_a_service_warns_once(folder: Path, serve: Callable[..., Service]) -> None:
    """With several workers too."""
    service = serve(str(folder), "--workers", "2")
    assert logged_warnings(service.log) == list(WARNINGS)
    assert service.call({"n": 3}).json() == 3


@pytest.mark.slow
@pytest.mark.parametrize("words", [("--list",), ("--dry-run", "--offline")], ids=["list", "offline"])
def test_a_build_warns_once(folder: Path, words: tuple[str, ...]) -> None:
    """Each field has one line of stderr, whether the build continues or ends."""
    (folder / "function.yaml").write_text(MISSPELLED + "  base_image: localhost/nowhere:1\n")
    log = ovenbird("build", *words, "--cache-dir", str(folder / "cache"), cwd=folder).stderr
    assert [log.count(text) for text in WARNINGS] == [1, 1], log


def test_builds_of_several_say_which_function_is_meant(folder: Path) -> None:
    """The target stands before each field, once."""
    other = folder / "other.yaml"
    other.write_text(MISSPELLED.replace("name: f", "name: g").replace("requirments: [six]", "requirements: []"))
    words = ("build", "--list", "function.yaml", "other.yaml", "--cache-dir", str(folder / "cache"))
    log = ovenbird(*words, cwd=folder).stderr
    assert log.count("function.yaml: function document: spec.requirments") == 1
    assert log.count("warning: function document: spec.source.init_func") == 1, log
    assert log.count("requirments: not") == log.count("init_func: not") == 1


@pytest.mark.parametrize("words", [("check", "--strict"), ("build", "--strict"), ("bundle", "--strict", "-o", "x")])
def test_strict_refuses(folder: Path, words: tuple[str, ...]) -> None:
    """Exit status 71, as for a document that is not valid, and each field by name; stdout stays empty."""
    process = ovenbird(*words, cwd=folder)
    assert (process.returncode, process.stdout) == (71, "")
    (record,) = [json.loads(line) for line in process.stderr.splitlines()]
    assert (record["code"], record["level"]) == ("document", "error")
    assert all(text in record["message"] for text in WARNINGS)


def test_strict_lets_a_good_document_pass(folder: Path) -> None:
    """`--strict` refuses unknown fields only."""
    (folder / "function.yaml").write_text(
        MISSPELLED.replace("requirments", "requirements").replace("_func:", "_function:")
    )
    (folder / "main.py").write_text("def prepare(context): ...\ndef handler(n: int = 1):\n    return n\n")
    assert ovenbird("check", "--strict", cwd=folder).returncode == 0

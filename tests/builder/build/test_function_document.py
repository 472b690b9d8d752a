"""The function document as it goes into an image: complete, readable by the runtime, the same for the same inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ovenbird.function_document import complete, parse, validate
from ovenbird_builder.build.function_document import make_document
from ovenbird_builder.host.canonical_json import encode_json
from ovenbird_builder.request.function_target import resolve_target

TEXT = """
name: f
kind: python
project: p
spec:
  image: old:1
  base_image: base:1
  instructions: [echo]
  python_version: PYTHON3_11
  source: {SOURCE}
  requirements: ["naïve==1"]
  extra: kept
"""
MADE_OF = {"source": {"digest": "sha256:x"}}


@pytest.mark.parametrize(
    ("source", "handler"),
    [
        ("source: main.py, handler: fn, init_function: init", "main:fn"),
        ("source: ., handler: 'pkg.mod:fn'", "pkg.mod:fn"),
        ("base64: cHJpbnQoKQ==, handler: fn", "main:fn"),
        ("source: 'git+https://example.com/a#b', handler: fn", "main:fn"),
    ],
)
def test_the_completed_document_is_valid(tmp_path: Path, source: str, handler: str) -> None:
    """Its source is where the image has it; what a build changes is left out, what others put there is kept."""
    (tmp_path / "main.py").write_text("")
    (tmp_path / "function.yaml").write_text(TEXT.replace("SOURCE", source))
    data = make_document(resolve_target(str(tmp_path)).function, "3.11", MADE_OF)
    parsed = parse(data.decode(), "baked")
    shared = tmp_path / "shared"
    shared.mkdir()
    parsed["spec"]["source"]["source"] = str(shared)
    assert validate(parsed, tmp_path) == []
    spec = complete(parsed, tmp_path)
    assert (spec.handler, spec.project, spec.python_version, spec.code) == (handler, "p", "3.11", None)
    assert (spec.requirements, spec.image, spec.base_image) == (("naïve==1",), "", "")
    assert json.loads(data)["spec"]["source"]["source"] == "/shared"
    assert (json.loads(data)["spec"]["extra"], json.loads(data)["build"]) == ("kept", MADE_OF)
    assert "instructions" not in parsed["spec"]
    assert spec.init == ("init" if "init" in source else None)


def test_writing_the_image_back_changes_nothing(tmp_path: Path) -> None:
    """Otherwise each build would change the digest of the next."""
    (tmp_path / "main.py").write_text("")
    documents = []
    for image in ("old:1", "new:2"):
        (tmp_path / "function.yaml").write_text(
            TEXT.replace("SOURCE", "source: main.py, handler: fn").replace("old:1", image)
        )
        documents.append(make_document(resolve_target(str(tmp_path)).function, "3.11", MADE_OF))
    assert documents[0] == documents[1]


def test_no_credential_of_a_url_is_baked_in(tmp_path: Path) -> None:
    """A requirement with a token, and the address of a source that was signed, are in the image without it."""
    (tmp_path / "main.py").write_text("")
    text = TEXT.replace("SOURCE", "source: main.py, handler: fn").replace("naïve==1", "x @ git+https://hush@h/r")
    (tmp_path / "function.yaml").write_text(text)
    made_of = {"source": {"uri": "https://h/f.py?sig=hush"}}
    data = make_document(resolve_target(str(tmp_path)).function, "3.11", made_of).decode()
    assert "hush" not in data
    assert "git+https://h/r" in data


ODD = "!!set {b, a}", "!!binary aGk=", "2024-01-02", "{1: x, a: y}", "{2024-01-02: [!!binary aGk=]}", ".nan", "~"


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("field", ["spec.extra", "spec.source.extra", "spec.parameters", "metadata.labels", "extra"])
def test_types_of_yaml_in_fields_that_are_not_read(tmp_path: Path, field: str, value: str) -> None:
    """The document in the image, the provenance and the bundle's are JSON, whatever such a field holds."""
    (tmp_path / "main.py").write_text("")
    rows: dict[str, Any] = {"name": "f", "kind": "python", "spec": {"source": {"source": "main.py", "handler": "fn"}}}
    section = rows
    for part in field.split(".")[:-1]:
        section = section.setdefault(part, {})
    section[field.rpartition(".")[2]] = "VALUE"
    (tmp_path / "function.yaml").write_text(json.dumps(rows).replace('"VALUE"', value))
    function = resolve_target(str(tmp_path)).function
    assert json.loads(make_document(function, "3.12", MADE_OF))["kind"] == "python"
    assert json.loads(encode_json(function.raw)) == function.raw

"""`ovenbird check --strict` reports what a build would refuse, without network and container."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests import starts

from ovenbird.function_document import read
from ovenbird_builder.request.document_check import list_problems


def find_problems(folder: Path, spec: dict[str, Any], source: dict[str, Any] | None = None) -> tuple[str, ...]:
    """Return the problems of a document whose function is in `main.py`."""
    (folder / "main.py").write_text("def handler(n: int = 1):\n    return n\n")
    source = {"handler": "handler", "source": "main.py"} if source is None else {"handler": "main:handler", **source}
    document = {"kind": "python", "name": "f", "spec": {"source": source, **spec}}
    path = folder / "function.yaml"
    path.write_text(yaml.safe_dump(document))
    return list_problems(read(path), os.environ)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"instructions": ["make", {"run": "x", "after": "lunch"}]},
            "spec.instructions[1].after: expected one of base",
        ),
        ({"instructions": [5]}, "spec.instructions[0]: expected a text or a mapping, found 5"),
        ({"instructions": {"run": "x"}}, "spec.instructions: expected a list, found {'run': 'x'}"),
        ({"instructions": [{"run": "x", "when": 1}]}, "spec.instructions[0]: unknown field 'when'"),
        ({"instructions": ["a\nb"]}, "spec.instructions[0]: 'a\\nb' holds a newline"),
        ({"base_image": "Foo"}, "spec.base_image: 'Foo' is not the name of an image"),
        ({"base_image": "oci:"}, "spec.base_image: 'oci:' is not the name of an image"),
        ({"base_image": "docker://x:y:z"}, "spec.base_image: 'x:y:z' is not the name of an image"),
        ({"image": "r.example/App:1"}, "spec.image: 'r.example/App:1' is not the name of an image"),
        ({"requirements": ["six", "foo bar"]}, "spec.requirements[1]: 'foo bar' is not a requirement"),
        ({"requirements": ["-r x.txt"]}, "spec.requirements[0]: expected a requirement, found the option '-r x.txt'"),
        ({"requirements": ["./nowhere"]}, "spec.requirements[0]: there is no './nowhere' in the source"),
        ({"requirements": ["../outside"]}, "spec.requirements[0]: '../outside' lies outside of the source"),
    ],
    ids=lambda value: str(value)[:50].encode("ascii", "replace").decode(),
)
def test_each_field_that_a_build_refuses(tmp_path: Path, spec: dict[str, Any], message: str) -> None:
    """One problem, which begins with the field."""
    (problem,) = find_problems(tmp_path, spec)
    assert problem.startswith(message)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("ftp://example.org/x", "spec.source.source: the form 'ftp://' of 'ftp://example.org/x' is not known"),
        ("git+https:///repo", "spec.source.source: 'https:///repo' "),
        (
            "git+https://example.org/r#a..b",
            "spec.source.source: https://example.org/r: 'a..b' is not the name of a branch",
        ),
        ("https://", "spec.source.source: 'https://' "),
        ("zip+https:///x.zip", "spec.source.source: "),
    ],
)
def test_each_source_that_a_build_refuses(tmp_path: Path, source: str, message: str) -> None:
    """The address alone: nothing is fetched."""
    (problem,) = find_problems(tmp_path, {}, {"source": source})
    assert problem.startswith(message)


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    """Of instructions, names of images and requirements, each."""
    problem_list = find_problems(
        tmp_path, {"instructions": [5, {}], "image": "A", "base_image": "B", "requirements": ["a b", "c d"]}
    )
    assert [text.partition(":")[0] for text in problem_list] == [
        "spec.instructions[0]", "spec.instructions[1].run", "spec.image", "spec.base_image", "spec.requirements[0]",
        "spec.requirements[1]",
    ]  # fmt: skip


def test_files_of_requirements_are_read(tmp_path: Path) -> None:
    """Those of a local source: a line of `requirements.txt` that is no requirement."""
    (tmp_path / "requirements.txt").write_text("six\nfoo bar\n")
    (problem,) = find_problems(tmp_path, {})
    assert problem.startswith("requirements.txt line 2: 'foo bar' is not a requirement")


@pytest.mark.parametrize(
    ("spec", "source"),
    [
        ({"instructions": ["[ -f x ] || y", {"run": "x", "secrets": ["token"], "timeout": "2m"}]}, None),
        ({"base_image": "oci:nowhere", "requirements": ["six>=1; python_version>'3'"]}, None),
        ({"image": "r.example/app:1@sha256:" + "0" * 64}, None),
        ({"base_image": "docker://python:3.12-slim"}, None),
        ({"requirements": ["./lib", "six"]}, {"source": "git+https://example.org/r#main"}),
        ({"requirements": ["six"]}, {"source": "s3://bucket/key.zip"}),
        ({"requirements": ["six"]}, {"code": "def handler(): ..."}),
    ],
    ids=["instructions", "names", "image", "transport", "git", "s3", "code"],
)  # fmt: skip
def test_valid_fields_are_no_problem(
    tmp_path: Path, spec: dict[str, Any], source: dict[str, Any] | None
) -> None:  # fmt: skip
    """Secrets are named by flags of the build, and a base may be made later; neither is looked for."""
    assert find_problems(tmp_path, spec, source) == ()


@pytest.mark.slow
def test_check_refuses_with_strict_alone(tmp_path: Path) -> None:
    """Status 71 and every problem; without the flag the contract is printed."""
    find_problems(tmp_path, {"instructions": [5], "requirements": ["foo bar"]})
    env = {key: value for key, value in os.environ.items() if not key.startswith("OVENBIRD_")}
    env |= {"OVENBIRD_LOG_FORMAT": "json", "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def check(*flags: str) -> subprocess.CompletedProcess[str]:
        return starts.run("check", *flags, cwd=tmp_path, env=env)

    process = check("--strict")
    assert (process.returncode, process.stdout) == (71, "")
    record = json.loads(process.stderr.splitlines()[-1])
    assert record["code"] == "document"
    assert "spec.instructions[0]: " in record["message"]
    assert "spec.requirements[0]: " in record["message"]
    assert check().returncode == 0
    assert check("--strict", "main.py").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == [
        "function.yaml",
        "main.py",
    ]

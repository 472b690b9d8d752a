"""The function document: parse, validate, complete."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from ovenbird.errors import DocumentError
from ovenbird.function_document import FunctionSpec, find, parse, python_version, read, validate

CODE = "def handler(): return 'é'\n"


def document(**source: Any) -> dict[str, Any]:
    """The smallest valid document, its source extended."""
    return {"kind": "python", "name": "f", "spec": {"source": {"handler": "handler", **source}}}


def write_document(tmp_path: Path, content: Any, name: str = "function.yaml") -> Path:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return path


def test_every_field_is_read(tmp_path: Path) -> None:
    """A full document becomes a FunctionSpec; what other tools add stays in `raw`."""
    (tmp_path / "main.py").touch()
    full = document(source="main.py", handler="pkg.mod:fn", init_function="init", lang="python")
    full |= {"project": "p", "metadata": {"labels": ["x"]}}
    full["spec"] |= {
        "python_version": "PYTHON3_12", "image": "i", "base_image": "b", "requirements": ["pandas==2.2.3"], "more": 1,
    }  # fmt: skip
    assert read(write_document(tmp_path, full)) == FunctionSpec(
        root=tmp_path.resolve(), name="f", project="p", handler="pkg.mod:fn", init="init", source="main.py",
        python_version="3.12", image="i", base_image="b", requirements=("pandas==2.2.3",),
    )  # fmt: skip
    assert read(write_document(tmp_path, full)).raw == full


def test_what_is_left_out_is_completed(tmp_path: Path) -> None:
    """The smallest document: nulls and missing fields are the same."""
    small = read(write_document(tmp_path, document(init_function=None, source=None)))
    assert (small.init, small.source, small.code, small.python_version, small.requirements) == (None, "", None, "", ())
    assert (small.local_source, small.default_module) == (None, "main")


@pytest.mark.parametrize("width", [0, 20])
def test_inline_source_is_decoded(tmp_path: Path, width: int) -> None:
    """base64 of UTF-8 text, in one line or in many; `source` names the file, as the platform stores both."""
    text = base64.b64encode(CODE.encode()).decode()
    text = "\n".join(text[at : at + width] for at in range(0, len(text), width)) if width else text
    function = read(write_document(tmp_path, document(base64=text, source="job.py")))
    assert (function.code, function.local_source, function.default_module) == (CODE, None, "job")


def test_code_may_be_plain_text(tmp_path: Path) -> None:
    """`code` is source as it is."""
    assert read(write_document(tmp_path, document(code=CODE))).code == CODE


@pytest.mark.parametrize(
    ("source", "local", "module"),
    [
        ("src/job.py", "src/job.py", "job"),
        ("src", "src", "main"),
        (".", ".", "main"),
        ("git+https://example.org/repo#main", None, "main"),
        ("https://example.org/job.py", None, "main"),
        ("zip+s3://bucket/key.zip", None, "main"),
    ],
)
def test_a_local_source_is_a_path(tmp_path: Path, source: str, local: str | None, module: str) -> None:
    """A path without a scheme is relative to the document; a bare handler's module follows from it."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/job.py").touch()
    function = read(write_document(tmp_path, document(source=source)))
    assert function.local_source == ((tmp_path / local).resolve() if local else None)
    assert function.default_module == module


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": None}, "name: missing; letters, digits and .+-_"),
        ({"name": ""}, "name: expected letters, digits and .+-_, found ''"),
        ({"name": 5}, "name: expected letters, digits and .+-_, found 5; quote it, YAML reads it as a number"),
        ({"name": "a b"}, "name: expected letters, digits and .+-_, found 'a b'"),
        ({"kind": "NuclioFunction"}, "kind: expected 'python', found 'NuclioFunction'"),
        ({"project": 5}, "project: expected letters, digits and .+-_, found 5; quote it, YAML reads it as a number"),
        ({"kind": None}, "kind: missing; it is `python`"),
        ({"spec": None}, "spec: missing; it holds at least `source`"),
        ({"spec": []}, "spec: expected a mapping, found a list"),
        ({"spec.source": None}, "spec.source: missing; it holds at least `handler`"),
        ({"spec.source": "main.py"}, "spec.source: expected a mapping, found text"),
        ({"spec.python_version": 3.1}, "spec.python_version: expected text, found 3.1; quote it"),
        ({"spec.python_version": "2.7"}, "spec.python_version: expected one of 3.10, "),
        ({"spec.requirements": "pandas"}, "spec.requirements: expected a list, found text"),
        ({"spec.requirements": ["a", 5]}, "spec.requirements[1]: expected one requirement as text, found 5"),
        ({"spec.requirements": ["a\nb"]}, "spec.requirements[0]: expected one requirement as text"),
        ({"spec.image": {}}, "spec.image: expected text, found a mapping"),
        ({"spec.base_image": 5}, "spec.base_image: expected text, found 5"),
        ({"spec.source.handler": None}, "spec.source.handler: missing"),
        ({"spec.source.handler": "a b"}, "spec.source.handler: expected `name` or `module:name`, found 'a b'"),
        ({"spec.source.handler": "main.py:fn"}, "spec.source.handler: a module has no .py, write 'main:fn'"),
        ({"spec.source.handler": 5}, "spec.source.handler: expected text, found 5"),
        ({"spec.source.init_function": "a.b"}, "spec.source.init_function: expected the bare name of a function"),
        ({"spec.source.base64": "?"}, "spec.source.base64: expected UTF-8 text in base64"),
        ({"spec.source.base64": "é"}, "spec.source.base64: expected UTF-8 text in base64"),
        ({"spec.source.base64": "/w=="}, "spec.source.base64: expected UTF-8 text in base64"),
        (
            {"spec.source": {"handler": "h", "code": "x = 1", "source": "main.py"}},
            "spec.source: `code` and `source` ('main.py') are two sources, and one is meant",
        ),
        (
            {"spec.source": {"handler": "h", "code": "x = 1", "source": "git+https://example.org/r#main"}},
            "spec.source: `code` and `source` ('git+https://example.org/r#main') are two sources",
        ),
        (
            {"spec.source": {"handler": "h", "code": "x = 1", "base64": "eCA9IDE="}},
            "spec.source: `code` and `base64` are two sources",
        ),
        ({"spec.source.source": "nowhere.py"}, "spec.source.source: no file or folder 'nowhere.py' below"),
        (
            {"spec.source.source": "git@example.org:team/app.git"},
            "spec.source.source: no file or folder 'git@example.org:team/app.git' below",
        ),
        ({"spec.source": {"handler": "h", "source": "train.ipynb"}}, "spec.source.source: 'train.ipynb' is a notebook"),
        ({"spec.source.lang": "java"}, "spec.source.lang: expected 'python', found 'java'"),
    ],
)
def test_each_problem_names_its_field(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    """The error for a single problem has the field, what was expected, and what was found."""
    (tmp_path / "train.ipynb").write_text("{}")
    broken = document()
    ((path, value),) = change.items()
    *above, last = path.split(".")
    inner: Any = broken
    for name in above:
        inner = inner[name]
    inner[last] = value
    (message,) = validate(broken, tmp_path)
    assert message.startswith(problem)


def test_a_source_that_is_nearly_a_url_is_told_its_form(tmp_path: Path) -> None:
    """As git and browsers take it; no password is shown."""
    for source, shown in (
        ("git@example.org:team/app.git", "a repository by ssh is written 'git+ssh://git@example.org/team/app.git'"),
        ("HTTPS://ann:hunter2@example.org/main.py", "the scheme of a URL is in small letters: `https://`"),
    ):
        (message,) = validate({**document(), "spec": {"source": {"handler": "h", "source": source}}}, tmp_path)
        assert message.endswith(shown)
        assert "hunter2" not in message


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    """One error lists every problem in its message."""
    broken = {"name": "a b", "kind": "x", "spec": {"image": 1, "source": {"lang": "c"}}}
    with pytest.raises(DocumentError) as caught:
        read(write_document(tmp_path, broken))
    fields = [problem.partition(":")[0] for problem in caught.value.problems]
    assert fields == ["name", "kind", "spec.image", "spec.source.handler", "spec.source.lang"]
    assert all(problem in caught.value.message for problem in caught.value.problems)
    assert caught.value.exit_code == 71


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is not valid YAML at line"),
        ("a: b: c", "is not valid YAML at line 1, column 5"),
        ("- a", "is not a mapping: found a list"),
        ("", "is not a mapping: found nothing"),
        ("a: 1\n---\nb: 2", "is not valid YAML at line 2"),
        ("!!python/object/apply:os.getcwd []", "is not valid YAML at line 1"),
        ("[" * 100_000, "is not valid YAML"),
        ("a: \x00", "is not valid YAML"),
        ("a: 2024-99-99", "is not valid YAML"),
    ],
)
def test_text_that_is_no_document_says_where(text: str, words: str) -> None:
    """YAML errors have their line; constructing objects is no YAML of ours."""
    with pytest.raises(DocumentError, match=words):
        parse(text, "function.yaml")


def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    """A folder, a missing file, and bytes that are not UTF-8."""
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    for path, words in (
        (tmp_path, "Is a directory"),
        (tmp_path / "no", "No such"),
        (tmp_path / "binary.yaml", "UTF-8"),
    ):
        with pytest.raises(DocumentError, match=words):
            read(path)


def test_the_document_of_a_folder_is_found(tmp_path: Path) -> None:
    """function.yaml, then function.yml; a folder without one is an error with a hint."""
    with pytest.raises(DocumentError, match=r"no `function.yaml` in the folder.*`FILE\.py:handler`"):
        find(tmp_path)
    assert find(write_document(tmp_path, "", "function.yml").parent).name == "function.yml"
    assert find(write_document(tmp_path, "").parent).name == "function.yaml"


def test_versions_are_written_in_two_ways() -> None:
    """The platform's PYTHON3_12, and 3.12."""
    assert [python_version(text) for text in ("PYTHON3_12", "3.12", "")] == ["3.12", "3.12", ""]

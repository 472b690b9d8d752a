"""The lines that are shown for a call do what the page does."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.raw import run_service
from tests.service import Service

TEXT = 'it\'s "quoted" $HOME `id` $(id) \\n @file <x ;type=a %41 \U0001f426\nsecond line'


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "page/fields.py") as service:
        yield service


@pytest.fixture(scope="module")
def upload(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "page/upload.py") as service:
        yield service


def plan(service: Service, fields: list[tuple[str, str]], files: Mapping[str, list[str]], **options: Any) -> Any:
    """Return the plan of a filled form."""
    body = {"fields": fields, "files": files, "base": f"{service.url}/", **options}
    answer = service.post("/_/page/plan", json=body)
    assert answer.status_code == 200
    return answer.json()


def run_curl(line: str, folder: Path, **environ: str) -> str:
    """Run a line of curl in a shell, in a folder."""
    return subprocess.run(
        ["bash", "-c", line.replace("curl", "curl -sS", 1)], cwd=folder, capture_output=True, text=True, check=True,
        env={"PATH": "/usr/bin:/bin", **environ},
    ).stdout  # fmt: skip


def run_python(text: str, folder: Path) -> str:
    """Run a program in this process, in a folder; what it prints."""
    output = io.StringIO()
    with (
        contextlib.redirect_stdout(output),
        contextlib.chdir(folder) if hasattr(contextlib, "chdir") else _chdir(folder),
    ):
        exec(compile(text, "lines", "exec"), {})
    return output.getvalue()


@contextlib.contextmanager
def _chdir(folder: Path) -> Iterator[None]:
    import os

    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.mark.slow
def test_arguments_arrive_as_they_were_typed(fields: Service, tmp_path: Path) -> None:
    """Quotes, variables, line feeds and the bytes of a file pass a shell and Python unchanged."""
    (tmp_path / "it's a $file.png").write_bytes(b"\x00" * 7)
    pairs = [("count", "3"), ("name", TEXT), ("tags", "a\nb"), ("point", '{"x": 5}'), ("prompt", "")]
    call = plan(fields, pairs, {"picture": ["it's a $file.png"]})
    answer = json.loads(run_curl(call["curl"], tmp_path))
    expected = {"name": TEXT, "count": 3, "tags": ["a", "b"], "point": {"x": 5, "y": 0.0}, "picture": 7, "prompt": ""}
    assert {key: answer[key] for key in expected} == expected
    printed = run_python(call["python"], tmp_path)
    assert {key: value for key, value in eval(printed).items() if key in expected} == expected


@pytest.mark.slow
def test_files_arrive_beside_fields(upload: Service, tmp_path: Path) -> None:
    """A text that begins with `@` or `<` is no file to curl, and a name with `;` or quotes is."""
    for name in ("a;b.txt", 'c"d.txt', "-e.txt"):
        (tmp_path / name).write_text("abc")
    for title in ("@x", "<x", TEXT):
        call = plan(upload, [("title", title)], {"file": ["a;b.txt"], "others": ['c"d.txt', "-e.txt"]})
        answer = json.loads(run_curl(call["curl"], tmp_path))
        assert answer["title"] == title.replace("\n", "\r\n") or answer["title"] == title
        assert [answer["file"][1], [size for _, size in answer["others"]]] == [3, [3, 3]]
    printed = eval(run_python(call["python"], tmp_path))
    assert (printed["title"], printed["file"]) == (TEXT, ["a;b.txt", 3])


def test_a_token_is_a_placeholder(fields: Service) -> None:
    """No line holds a token: it comes from a variable."""
    call = plan(fields, [("count", "1"), ("name", "x")], {}, token=True, accept="text/csv")
    assert '-H "authorization: Bearer $TOKEN"' in call["curl"]
    assert 'api_key=os.environ["TOKEN"]' in call["python"]
    assert "-H 'accept: text/csv'" in call["curl"]
    compile(call["python"], "lines", "exec")

"""Malformed dependency files end with one line and an exit status of the lock."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.refusals import succeeds
from tests.toml_mutations import dumps, mutations

from ovenbird.function_document import FunctionSpec
from ovenbird_builder.locking import pylock
from ovenbird_builder.locking.requirements import RequirementFlags, Requirements, collect_requirements

ENVIRONMENT = {
    "python_full_version": "3.12.1", "python_version": "3.12", "sys_platform": "linux", "platform_machine": "x86_64",
    "os_name": "posix", "platform_system": "Linux", "implementation_name": "cpython", "platform_release": "",
    "platform_version": "", "platform_python_implementation": "CPython", "implementation_version": "3.12.1",
}  # fmt: skip
PROJECT: dict[str, Any] = {
    "project": {
        "name": "app", "version": "1", "requires-python": ">=3.10", "dynamic": ["version"],
        "dependencies": ["kiwi>=1"], "optional-dependencies": {"all": ["app[web]"], "web": ["apple"]},
    },
    "tool": {"uv": {"sources": {}}}, "dependency-groups": {"dev": ["x"]}, "build-system": {"requires": ["x"]},
}  # fmt: skip
INLINE: dict[str, Any] = {"requires-python": ">=3.10", "dependencies": ["kiwi>=1"], "tool": {"x": 1}}
_FILE = {"name": "a.whl", "url": "https://h/a.whl", "size": 1, "hashes": {"sha256": "0" * 64}}
LOCK: dict[str, Any] = {
    "lock-version": "1.0", "requires-python": ">=3.10", "default-groups": ["dev"], "extras": [], "created-by": "x",
    "environments": ["python_version>='3.10'"],
    "packages": [
        {
            "name": "kiwi", "version": "1.0", "marker": "python_version>='3'", "requires-python": ">=3.10",
            "index": "https://h", "dependencies": [{"name": "x"}], "wheels": [_FILE], "sdist": _FILE,
        },
        {"name": "vcs", "version": "1", "vcs": {"type": "git"}, "marker": "python_version<'3'"},
    ],
}  # fmt: skip


def make_function(root: Path, code: str | None = None) -> FunctionSpec:
    return FunctionSpec(root, "f", "main:fn", source="." if code is None else "", code=code)


def check_call(call: Any, label: str) -> bool:
    """Return whether a call went well; else it has a status of the lock."""
    return succeeds(call, label, *range(40, 50))


@pytest.mark.slow
@pytest.mark.parametrize("extra", [(), ("all",)])
def test_pyproject(tmp_path: Path, extra: tuple[str, ...]) -> None:
    """Every field of a pyproject.toml, by every type of TOML."""
    path = tmp_path / "pyproject.toml"
    path.write_text(dumps(PROJECT))
    assert check_call(
        lambda: collect_requirements(make_function(tmp_path), tmp_path, RequirementFlags(extras=tuple(extra))),
        "as it is",
    )
    for label, text in mutations(PROJECT):
        path.write_text(text)
        check_call(
            lambda: collect_requirements(make_function(tmp_path), tmp_path, RequirementFlags(extras=tuple(extra))),
            label,
        )


def test_inline_metadata(tmp_path: Path) -> None:
    """Every field of the metadata in a file."""

    def run(document: str) -> Requirements:
        block = "".join(f"# {line}\n" for line in document.splitlines())
        return collect_requirements(make_function(tmp_path, f"# /// script\n{block}# ///\n"), tmp_path)

    assert check_call(lambda: run(dumps(INLINE)), "as it is")
    for label, text in mutations(INLINE):
        check_call(lambda text=text: run(text), label)


@pytest.mark.slow
def test_pylock(tmp_path: Path) -> None:
    """Every field of a pylock.toml."""
    path = tmp_path / "pylock.toml"
    path.write_text(dumps(LOCK))
    assert check_call(lambda: pylock.read_pylock(path, ENVIRONMENT), "as it is")
    for label, text in mutations(LOCK):
        path.write_text(text)
        check_call(lambda: pylock.read_pylock(path, ENVIRONMENT), label)


_DEEP = "x = " + "[" * 100_000


@pytest.mark.parametrize("name", ["pyproject.toml", "pylock.toml", "requirements.txt"])
@pytest.mark.parametrize(
    "content",
    [
        b"\x00", b"\xff\xfe", b"a\x00b", os.urandom(2000), b"\xef\xbb\xbf\xff", "kiwi\u202e".encode(), b"\x80" * 5000,
        b"= " * 1000, b"x" * 100_000, _DEEP.encode(), b"x = " + b"9" * 5000, b"[project]\nname = " + b"1" * 5000,
        b"x = 0x" + b"f" * 9000, b"x = 1e" + b"9" * 5000, b"lock-version = '1.0'\npackages = 5\n", b"\r\r\r", b"\x0c",
        b"x = 99999-99-99", b"\xd8\x00" * 50, "kiwi==\u0661".encode(), "\u0661".encode(), "k\u0131wi".encode(),
    ],
)  # fmt: skip
def test_malformed_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """NUL, other encodings, deep nesting, numbers of thousands of digits, digits that are not ASCII."""
    (tmp_path / name).write_bytes(content)
    check_call(lambda: collect_requirements(make_function(tmp_path), tmp_path), name)
    if name == "pylock.toml":
        assert not check_call(lambda: pylock.read_pylock(tmp_path / name, ENVIRONMENT), name)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "-r",
        "-r ",
        "-r .",
        "-r /etc",
        "-r ../x",
        "-r " + "x" * 300,
        "-r " + "x/" * 3000,
        "-r a\x00b",
        "-c",
        "-c .",
        "-r requirements.txt",
        "--hash=sha256:" + "0" * 64,
        "kiwi --hash=sha256:0",
        "kiwi @",
        "kiwi @ ",
        "kiwi @ file:",
        "kiwi @ file:///etc/passwd",
        "kiwi @ file:" + "x" * 300,
        "./" + "x" * 300,
        "./" + "x/" * 3000,
        "./a\x00b",
        "file:",
        ".",
        "/",
        "kiwi[",
        "kiwi[a",
        "kiwi; ",
        "kiwi; python_version",
        "kiwi; python_version > 'x'",
        "kiwi==" + "1" * 5000,
        "kiwi==1." + "9" * 5000,
        "x" * 20_000,
        "kiwi" + " and" * 5000,
        "kiwi; " + "(" * 3000,
        "kiwi; " + "(" * 100_000,
        "git+https://",
        "git+https://h",
        "git+https://[::1/x",
        "git+https://h:99999999/x",
        "https://",
        "https://h/\x7f",
        "git+ssh://-o/x",
        "git+https://h/x#egg=",
        "git+https://h/x#egg=" + "x" * 5000,
        "${HOME}",
        "$(id)",
        "-e",
        "-e .",
        "--index-url",
        "-i x",
        "--pre=1",
        "\\",
        "\\\n\\\n",
        "kiwi\\",
        "kiwi \\\n  --hash=sha256:x",
        "#",
        " # x",
        "kiwi@https://h/x",
        "kiwi >= \u0661",
        "k\u0131wi",
        "\ufeffkiwi",
        "kiwi\u2028apple",
        "kiwi\x1capple",
        "kiwi\x85apple",
        "a.whl",
        ".whl",
        "x/.tar.gz",
        "kiwi===" + "x" * 3000,
        "kiwi @ https://user:pw@h/x.whl",
    ],
)
def test_lines_of_requirements(tmp_path: Path, line: str) -> None:
    """As a line of a file, in the document, and as a flag."""
    (tmp_path / "requirements.txt").write_text(line + "\n", encoding="utf-8")
    check_call(lambda: collect_requirements(make_function(tmp_path), tmp_path), line[:80])
    (tmp_path / "requirements.txt").unlink()
    check_call(
        lambda: collect_requirements(make_function(tmp_path), tmp_path, RequirementFlags(requirements=(line,))),
        line[:80],
    )


@pytest.mark.slow
def test_files_that_include_each_other(tmp_path: Path) -> None:
    """In a circle, very deep, and over and over: a few files of 20 lines are a million without a limit."""
    (tmp_path / "requirements.txt").write_text("-r a.txt\n")
    (tmp_path / "a.txt").write_text("-r requirements.txt\n")
    assert not check_call(lambda: collect_requirements(make_function(tmp_path), tmp_path), "a circle")
    (tmp_path / "requirements.txt").write_text("-r r0.txt\n")
    for number in range(2000):
        (tmp_path / f"r{number}.txt").write_text(f"-r r{number + 1}.txt\n")
    (tmp_path / "r2000.txt").write_text("kiwi\n")
    assert not check_call(lambda: collect_requirements(make_function(tmp_path), tmp_path), "a chain")
    for number in range(10):
        (tmp_path / f"r{number}.txt").write_text(f"-r r{number + 1}.txt\n" * 20)
    (tmp_path / "r10.txt").write_text("kiwi\n")
    assert not check_call(lambda: collect_requirements(make_function(tmp_path), tmp_path), "again and again")

"""Requirements declared by Poetry, uv, PDM, Pipenv and setuptools, and the limits of their locks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ovenbird.function_document import FunctionSpec
from ovenbird_builder.errors import LockError
from ovenbird_builder.locking.requirements import RequirementFlags, Requirements, collect_requirements

HASH, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
COMMIT = "c" * 40


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source with one handler."""
    (tmp_path / "main.py").write_text("def handler(): pass\n")
    return tmp_path


def collect_sources(tree: Path, sources: dict[str, str], **more: Any) -> Requirements:
    """Write the files of a source and return its requirements."""
    for name, text in sources.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return collect_requirements(FunctionSpec(tree, "f", "main:handler", source="."), tree, RequirementFlags(**more))


def list_texts(requirements: Requirements) -> list[str]:
    """Return the requirements, as the lock lists them but for digests."""
    return sorted(requirement.text for requirement in requirements.lines)


POETRY = """
[tool.poetry]
name = "app"
[tool.poetry.dependencies]
python = "^3.10"
caret = "^1.2"
zero = "^0.3.1"
tilde = "~2.4"
star = "*"
exact = "1.5"
old = { version = ">=1", python = "<3.11" }
linux = { version = "^2", markers = "sys_platform == 'linux'", extras = ["x"] }
maybe = { version = "^4", optional = true }
repo = { git = "https://example.org/a/repo.git", branch = "main", subdirectory = "lib" }
local = { path = "libs/local", develop = true }
two = [{ version = "1.0", python = "<3.12" }, { version = "2.0", python = ">=3.12" }]
[tool.poetry.extras]
web = ["maybe"]
[tool.poetry.group.dev.dependencies]
pytest = "^8"
[tool.poetry.group.gpu.dependencies]
torch = "^2"
"""


def test_a_project_of_poetry_is_read(tree: Path) -> None:
    """Carets, tildes, markers, extras, sources and several constraints work as in Poetry; groups are reported."""
    (tree / "libs/local").mkdir(parents=True)
    requirements = collect_sources(tree, {"pyproject.toml": POETRY}, extras=["web"])
    assert list_texts(requirements) == [
        "caret<2.0,>=1.2", "exact==1.5", 'linux[x]<3,>=2; sys_platform == "linux"', "local @ file:libs/local",
        "maybe<5,>=4", 'old>=1; python_version < "3.11"', "repo @ git+https://example.org/a/repo.git@main#subdirectory=lib",
        "star", "tilde<2.5,>=2.4", 'two==1.0; python_version < "3.12"', 'two==2.0; python_version >= "3.12"',
        "zero<0.4.0,>=0.3.1",
    ]  # fmt: skip
    assert requirements.requires_python == "<4.0,>=3.10"
    assert requirements.notes == ("pyproject.toml: the groups gpu are not used",)
    assert "maybe<5,>=4" not in list_texts(collect_sources(tree, {}))


def test_sources_of_poetrys_standard_dependencies_are_read(tree: Path) -> None:
    """Since Poetry 2 `[project]` names what is needed, and `[tool.poetry.dependencies]` where it comes from."""
    text = '[project]\nname = "app"\ndependencies = ["repo>=1", "b"]\n[tool.poetry.dependencies]\n'
    text += 'repo = { git = "git@example.org:a/repo.git", tag = "v1" }\n'
    assert list_texts(collect_sources(tree, {"pyproject.toml": text})) == [
        "b",
        "repo @ git+ssh://git@example.org/a/repo.git@v1",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('a = "nonsense~~"', "not a constraint"),
        ("a = [1]", "not a constraint"),
        ("a = { version = 3 }", "not a constraint"),
        ('a = "<1 || >2"', "one range"),
        ("a = { version = '1', markers = 'sys_p[tform' }", "not a constraint"),
        ('a = { version = "1", source = "mine" }', "may not choose"),
        ('a = { path = "../outside" }', "outside"),
    ],
    ids=["text", "list", "number", "union", "marker", "index", "path"],
)
def test_invalid_poetry_dependencies_are_refused_by_name(line: str, message: str, tree: Path) -> None:
    """A fault names its line; an index that no flag names is no place."""
    text = (
        f'[tool.poetry.dependencies]\n{line}\n[[tool.poetry.source]]\nname = "mine"\nurl = "https://i.example/simple"\n'
    )
    with pytest.raises(LockError, match=rf"\[tool.poetry\]\.dependencies a: .*{message}"):
        collect_sources(tree, {"pyproject.toml": text})
    if "mine" in line:
        assert list_texts(collect_sources(tree, {}, indexes=("https://i.example/simple",))) == ["a==1"]


UV = """
[project]
name = "app"
dependencies = ["repo", "local>=1", "member", "plain", "here[x]"]
[project.optional-dependencies]
cpu = ["torch"]
[tool.uv]
constraint-dependencies = ["plain<3"]
override-dependencies = ["plain==1"]
[tool.uv.sources]
repo = { git = "https://example.org/repo", rev = "v1" }
local = { path = "libs/local", editable = true }
member = { workspace = true }
torch = { index = "pytorch", extra = "gpu" }
here = [{ url = "https://example.org/here.whl", marker = "sys_platform == 'linux'" }]
[tool.uv.workspace]
members = ["packages/*"]
[[tool.uv.index]]
name = "pytorch"
url = "https://download.example/whl"
"""
UV_LOCK = f"""
version = 1
[[package]]
name = "app"
source = {{ virtual = "." }}
[[package]]
name = "plain"
version = "2.1"
source = {{ registry = "https://pypi.org/simple" }}
sdist = {{ url = "x", hash = "{OTHER}" }}
wheels = [{{ url = "y", hash = "{HASH}" }}]
[[package]]
name = "repo"
version = "1.0"
source = {{ git = "https://example.org/repo?rev=v1#{COMMIT}" }}
[[package]]
name = "forked"
version = "1.0"
source = {{ registry = "https://pypi.org/simple" }}
resolution-markers = ["python_full_version < '3.12'"]
[[package]]
name = "forked"
version = "2.0"
source = {{ registry = "https://pypi.org/simple" }}
resolution-markers = ["python_full_version >= '3.12'"]
"""


def test_sources_of_uv_are_followed(tree: Path) -> None:
    """A repository, folder, workspace member or URL replaces a name; constraints apply, overrides are reported."""
    (tree / "libs/local").mkdir(parents=True)
    files = {"pyproject.toml": UV, "packages/m/pyproject.toml": '[project]\nname = "Member"\n'}
    requirements = collect_sources(tree, files, extras=["cpu"])
    assert list_texts(requirements) == [
        "here[x]", 'here[x] @ https://example.org/here.whl; sys_platform == "linux"', "local @ file:libs/local",
        "member @ file:packages/m", "plain", "repo @ git+https://example.org/repo@v1", "torch",
    ]  # fmt: skip
    assert requirements.list_limits() == ("plain<3",)
    assert requirements.notes == ("pyproject.toml: [tool.uv].override-dependencies is not read",)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('{ index = "pytorch" }', "may not choose"),
        ("{ workspace = true }", "member of a workspace"),
        ("3", "expected a table"),
        ("{ git = 3 }", "expected a text"),
    ],
    ids=["index", "workspace", "number", "git"],
)
def test_a_source_of_uv_that_is_not_followed_is_refused(source: str, message: str, tree: Path) -> None:
    """An index without a flag, and a member outside of the source."""
    text = f'[project]\nname = "app"\ndependencies = ["a"]\n[tool.uv.sources]\na = {source}\n'
    text += '[[tool.uv.index]]\nname = "pytorch"\nurl = "https://download.example/whl"\n'
    with pytest.raises(LockError, match=message):
        collect_sources(tree, {"pyproject.toml": text})


def test_a_lock_of_uv_limits_versions_files_and_commits(tree: Path) -> None:
    """Its pins are limits with their hashes, forks by their marker; a branch is its commit; a change counts."""
    text = UV.partition("[project.opt")[0].replace('"local>=1", "member", ', "").replace(', "here[x]"', "")
    text += '[tool.uv.sources]\nrepo = { git = "https://example.org/repo", rev = "v1" }\n'
    requirements = collect_sources(tree, {"pyproject.toml": text, "uv.lock": UV_LOCK})
    assert requirements.used == "pyproject.toml with uv.lock"
    assert list_texts(requirements) == ["plain", f"repo @ git+https://example.org/repo@{COMMIT}"]
    assert {requirement.text: requirement.hashes for requirement in requirements.pinned} == {
        "plain==2.1": (HASH, OTHER),
        'forked==1.0; python_full_version < "3.12"': (),
        'forked==2.0; python_full_version >= "3.12"': (),
    }
    before = requirements.list_texts()
    assert collect_sources(tree, {"uv.lock": UV_LOCK + "\n"}).list_texts() != before


def test_locks_of_poetry_and_pdm_are_read(tree: Path) -> None:
    """Hashes of both forms, commits, markers; two versions without a marker give no limit."""
    poetry = f"""
[[package]]
name = "caret"
version = "1.4"
markers = "python_version >= '3.11'"
files = [{{file = "a.whl", hash = "{HASH}"}}]
[[package]]
name = "repo"
version = "1"
[package.source]
type = "git"
resolved_reference = "{COMMIT}"
[[package]]
name = "two"
version = "1.0"
[[package]]
name = "two"
version = "2.0"
[[package]]
name = "old"
version = "3"
[metadata.files]
old = [{{file = "old.whl", hash = "{OTHER}"}}]
"""
    (tree / "libs/local").mkdir(parents=True)
    requirements = collect_sources(tree, {"pyproject.toml": POETRY, "poetry.lock": poetry})
    assert {requirement.text: requirement.hashes for requirement in requirements.pinned} == {
        'caret==1.4; python_version >= "3.11"': (HASH,), "old==3": (OTHER,)
    }  # fmt: skip
    assert f"repo @ git+https://example.org/a/repo.git@{COMMIT}#subdirectory=lib" in list_texts(requirements)
    assert "poetry.lock names several versions of two: none of them is a limit" in requirements.notes
    (tree / "poetry.lock").unlink()
    pdm = f'[[package]]\nname = "a"\nversion = "1"\nfiles = [{{file = "a", hash = "{HASH}"}}]\n'
    project = '[project]\nname = "app"\ndependencies = ["a"]\n'
    requirements = collect_sources(tree, {"pyproject.toml": project, "pdm.lock": pdm})
    assert [(requirement.text, requirement.hashes) for requirement in requirements.pinned] == [("a==1", (HASH,))]


PIPFILE = """
[[source]]
name = "pypi"
url = "https://pypi.org/simple"
[packages]
star = "*"
ranged = {version = ">=1,<2", extras = ["x"], markers = "python_version >= '3.8'"}
windows = {version = "*", sys_platform = "== 'win32'"}
repo = {git = "https://example.org/repo.git", ref = "v1", editable = true}
[requires]
python_version = "3.12"
"""
PIPFILE_LOCK = json.dumps(
    {
        "default": {
            "star": {"version": "==1.2", "hashes": [HASH, OTHER], "markers": "python_version >= '3.8'"},
            "repo": {"git": "https://example.org/repo.git", "ref": COMMIT},
        }
    }
)


def test_a_pipfile_and_its_lock_are_read(tree: Path) -> None:
    """Versions, extras, markers and repositories of a Pipfile; its lock limits them, and stands alone too."""
    requirements = collect_sources(tree, {"Pipfile": PIPFILE})
    assert list_texts(requirements) == [
        'ranged[x]<2,>=1; python_version >= "3.8"', "repo @ git+https://example.org/repo.git@v1", "star",
        'windows; sys_platform == "win32"',
    ]  # fmt: skip
    assert requirements.requires_python == "==3.12.*"
    requirements = collect_sources(tree, {"Pipfile.lock": PIPFILE_LOCK})
    assert [(requirement.text, requirement.hashes) for requirement in requirements.pinned] == [
        ('star==1.2; python_version >= "3.8"', (HASH, OTHER))
    ]
    assert f"repo @ git+https://example.org/repo.git@{COMMIT}" in list_texts(requirements)
    (tree / "Pipfile").unlink()
    assert list_texts(collect_sources(tree, {})) == ['star==1.2; python_version >= "3.8"']


def test_setup_cfg_and_literals_of_setup_py_are_read(tree: Path) -> None:
    """Neither is run: lists, variables and files are read; computed values are reported."""
    cfg = "[options]\npython_requires = >=3.9\ninstall_requires =\n  a>=1\n  b\n[options.extras_require]\nweb = c\n"
    assert list_texts(collect_sources(tree, {"setup.cfg": cfg}, extras=["web"])) == ["a>=1", "b", "c"]
    assert list_texts(
        collect_sources(tree, {"setup.cfg": "[options]\ninstall_requires = file: req.txt\n", "req.txt": "d\n"})
    ) == ["d"]
    setup = (
        "from setuptools import setup\nNEEDS = ['e>=2']\nsetup(install_requires=NEEDS, extras_require={'x': ['f']})\n"
    )
    assert list_texts(collect_sources(tree, {"setup.cfg": "[flake8]\nmax = 1\n", "setup.py": setup}, extras=["x"])) == [
        "e>=2",
        "f",
    ]
    computed = "import setuptools\nsetuptools.setup(install_requires=open('r').read().split())\n"
    (note,) = collect_sources(tree, {"setup.py": computed}).notes
    assert re.match("setup.py computes install_requires, so what it needs is not read", note)
    requirements = collect_sources(tree, {"setup.py": computed, "Pipfile": PIPFILE})
    assert (requirements.used, note in requirements.notes) == ("Pipfile", True)


def test_dynamic_dependencies_of_setuptools_are_read(tree: Path) -> None:
    """`dynamic` with `[tool.setuptools.dynamic]` or setup.cfg is read; others are refused if used."""
    dynamic = '[project]\nname = "app"\ndynamic = ["dependencies"]\n'
    table = '[tool.setuptools.dynamic]\ndependencies = { file = ["requirements/base.txt"] }\n'
    files = {"pyproject.toml": dynamic + table, "requirements/base.txt": "a>=1\n"}
    assert list_texts(collect_sources(tree, files)) == ["a>=1"]
    assert list_texts(
        collect_sources(tree, {"pyproject.toml": dynamic, "setup.cfg": "[options]\ninstall_requires = b\n"})
    ) == ["b"]
    (tree / "setup.cfg").unlink()
    with pytest.raises(LockError, match="dynamic"):
        collect_sources(tree, {})
    assert list_texts(collect_sources(tree, {}, files=[tree / "requirements/base.txt"])) == ["a>=1"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", "package = 3"), ("poetry.lock", "package = [3]"),
        ("pdm.lock", "[[package]]\nversion = 3\nname = 'a'"),
        ("uv.lock", "[[package]]\nname = 'a'\nversion = 'x y'\nsource = { registry = 'r' }"), ("uv.lock", "[[["),
        ("uv.lock", "[[package]]\nname = ['a']\n"),
    ],
    ids=["number", "rows", "version", "text", "toml", "name"],
)  # fmt: skip
def test_a_lock_that_its_tool_did_not_write_is_refused(name: str, text: str, tree: Path) -> None:
    """The file is named, whatever it holds."""
    with pytest.raises(LockError, match=re.escape(name)):
        collect_sources(tree, {"pyproject.toml": '[project]\nname = "app"\ndependencies = ["a"]\n', name: text})


def test_unsupported_files_are_reported(tree: Path) -> None:
    """A lone file of conda is reported."""
    assert collect_sources(tree, {"environment.yml": "dependencies: [numpy]\n"}).notes == (
        "environment.yml: not read, and nothing else names what the function needs",
    )
    assert not collect_sources(tree, {"requirements.txt": "a\n"}).notes

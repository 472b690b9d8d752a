"""Versions from a checkout, since a build has neither `.git` nor git."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.gitserver import GitServer, Repository, git

from ovenbird.function_document import FunctionSpec
from ovenbird_builder.host.network import NetworkSettings
from ovenbird_builder.sources import fetch
from ovenbird_builder.sources.git_versions import ARCHIVAL, copy_to_subfolder, make_version_variables

SCM = """
[build-system]
requires = ["setuptools-scm"]
build-backend = "setuptools.build_meta"
[project]
name = "plum"
dynamic = ["version"]
[tool.setuptools_scm]
"""
HATCH = """
[build-system]
requires = ["hatchling", "hatch-vcs"]
build-backend = "hatchling.build"
[project]
name = "plum"
dynamic = ["version"]
[tool.hatch.version]
source = "vcs"
[tool.hatch.build.targets.wheel]
only-include = ["plum.py"]
"""
VERSIONEER = """
[tool.versioneer]
VCS = "git"
style = "pep440"
versionfile_source = "plum/_version.py"
tag_prefix = "v"
"""
SETUP = """
import versioneer
from setuptools import setup
setup(version=versioneer.get_version(), cmdclass=versioneer.get_cmdclass())
"""
# each prints the version that a build of the folder gets, as its hook is called in a build
READERS = {
    "setuptools-scm": "import setuptools_scm as s; print(s.get_version())",
    "hatch-vcs": "from hatchling.metadata.core import ProjectMetadata as M; from hatchling.plugin.manager import"
    " PluginManager as P; print(M('.', P()).version)",
    "versioneer": "import sys; sys.path.insert(0, '.'); from plum._version import get_versions as g;"
    " print(g()['version'])",
}


def take(gits: GitServer, ref: str, folder: Path) -> Path:
    """Return the checkout of a git requirement, by the same call as a build's."""
    folder.mkdir()
    function = FunctionSpec(
        root=folder, name="requirement", handler="handler", source=f"git+{gits.url}/app/.git" + (ref and f"#{ref}")
    )
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    tree = fetch(function, folder / "tree", environ=environ, network=NetworkSettings(), timeout=60, versions=True)
    assert not (tree.path / ".git").exists()
    return tree.path


def read(tool: str, folder: Path) -> str:
    """Return the version that a tool finds in a folder, where there is no git."""
    process = subprocess.run(
        [sys.executable, "-c", READERS[tool]], cwd=folder, env={"PATH": "/nonexistent"}, capture_output=True,
        text=True, check=False, timeout=120,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def describe_tree(tree: Path) -> dict[str, str]:
    """Return the fields of `.git_archival.txt`."""
    rows = (line.partition(":") for line in (tree / ARCHIVAL).read_text().splitlines())
    return {name: value.strip() for name, _, value in rows}


def write(repository: Repository, **files: str) -> None:
    """Write files whose names are no keywords."""
    for name, text in files.items():
        path = repository.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.slow
def test_a_checkout_names_its_tag_and_its_distance(gits: GitServer, repository: Repository, tmp_path: Path) -> None:
    """At a tag, after one and before all, as `git describe` prints; a tag without a digit does not count."""
    write(repository, **{"pyproject.toml": SCM})
    first = repository.commit(a_py="0")
    tagged = repository.commit(a_py="1")
    git(repository.folder, "tag", "v1.2")
    after = repository.commit(a_py="2")
    git(repository.folder, "tag", "nightly")
    for commit, name in ((first, ""), (tagged, "v1.2"), (after, f"v1.2-1-g{after[:10]}")):
        fields = describe_tree(take(gits, commit, tmp_path / commit))
        assert (fields["node"], fields["describe-name"]) == (commit, name)


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["setuptools-scm", "hatch-vcs"])
def test_a_version_from_tags_equals_that_of_a_clone(
    tool: str, gits: GitServer, repository: Repository, tmp_path: Path
) -> None:
    """Without `.git` and git, the tools find the version of the tag, and the next one for a commit after it."""
    write(repository, **{"pyproject.toml": SCM if tool == "setuptools-scm" else HATCH, "plum.py": ""})
    repository.commit()
    git(repository.folder, "tag", "-a", "-m", "x", "v1.2.0")
    assert read(tool, take(gits, "v1.2.0", tmp_path / "tag")) == "1.2.0"
    after = repository.commit(a_py="2")
    version = read(tool, take(gits, "", tmp_path / "branch"))
    assert version.startswith("1.2.1.dev1+g")
    assert after.startswith(version.partition("+g")[2])


@pytest.mark.slow
def test_versioneer_finds_its_version(gits: GitServer, repository: Repository, tmp_path: Path) -> None:
    """Files with `export-subst` are filled in as by `git archive`, and a commit after a tag is no `0+unknown`."""
    write(repository, **{
        "pyproject.toml": VERSIONEER, "setup.py": SETUP, "plum/__init__.py": "",
    })  # fmt: skip
    install = [sys.executable, "-m", "versioneer", "install", "--no-vendor"]
    subprocess.run(install, cwd=repository.folder, check=True, capture_output=True, timeout=120)
    repository.commit()
    git(repository.folder, "tag", "v2.1")
    assert read("versioneer", take(gits, "v2.1", tmp_path / "tag")) == "2.1"
    after = repository.commit(a_py="2")
    assert read("versioneer", take(gits, "", tmp_path / "branch")) == f"2.1+1.g{after[:7]}"


@pytest.mark.slow
def test_a_project_in_a_subfolder_finds_its_version(gits: GitServer, repository: Repository, tmp_path: Path) -> None:
    """setuptools-scm looks in the project's folder, also with `root = ".."`; a folder outside gets nothing."""
    write(repository, **{"lib/pyproject.toml": SCM + 'root = ".."\n'})
    repository.commit()
    git(repository.folder, "tag", "v3.0")
    tree = take(gits, "", tmp_path / "out")
    copy_to_subfolder(tree, "lib")
    copy_to_subfolder(tree, "..")
    assert read("setuptools-scm", tree / "lib") in ("3.0", "3.0.0")
    assert not (tree.parent / ARCHIVAL).exists()


def test_a_repository_without_version_tools_is_unchanged(
    gits: GitServer, repository: Repository, tmp_path: Path
) -> None:
    """Its history is not fetched, and no file is added: the wheels of locks at hand come out the same."""
    write(repository, **{"pyproject.toml": '[project]\nname = "plum"\nversion = "1"\n'})
    repository.commit()
    git(repository.folder, "tag", "v1")
    tree = take(gits, "", tmp_path / "out")
    assert sorted(path.name for path in tree.iterdir()) == ["pyproject.toml"]


@pytest.mark.slow
def test_a_server_that_cannot_filter_gives_its_tags_too(
    gits: GitServer, repository: Repository, tmp_path: Path
) -> None:
    """A server may refuse or not support filters, which leave out the files of other commits."""
    write(repository, **{"pyproject.toml": SCM})
    repository.commit()
    git(repository.folder, "tag", "v1.2")
    for number, value in enumerate(("true", "false")):
        git(repository.folder, "config", "uploadpack.allowFilter", value)
        after = repository.commit(a_py=value)
        assert describe_tree(take(gits, "", tmp_path / value))["describe-name"] == f"v1.2-{number + 1}-g{after[:10]}"


@pytest.mark.parametrize(
    ("project", "name", "variables"),
    [
        ('requires = ["pbr"]', "v1.2", {"PBR_VERSION": "1.2"}),
        ('build-backend = "pdm.backend"', "1.2-3-gabc1234567", {"PDM_BUILD_SCM_VERSION": "1.2.post3+gabc1234567"}),
        ('requires = ["poetry-dynamic-versioning"]', "v1", {"POETRY_DYNAMIC_VERSIONING_BYPASS": "1"}),
        ('requires = ["setuptools-scm"]', "v1.2", {}),
        ('requires = ["pbr"]', "", {}),
    ],
    ids=["pbr", "pdm", "poetry", "scm", "no-tag"],
)
def test_tools_that_read_no_file_get_a_variable(
    project: str, name: str, variables: dict[str, str], tmp_path: Path
) -> None:
    """pbr, PDM and Poetry's plugin read a version from a variable; for others it is unset, as it would win."""
    (tmp_path / "pyproject.toml").write_text(project)
    (tmp_path / ARCHIVAL).write_text(f"node: abc\ndescribe-name: {name}\n")
    assert make_version_variables(tmp_path) == variables

"""A requirement may be another folder of the same local repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.function_document import FunctionSpec
from ovenbird_builder.errors import LockError
from ovenbird_builder.host.network import NetworkSettings
from ovenbird_builder.locking.requirements import RequirementFlags, Requirements, collect_requirements
from ovenbird_builder.sources import fetch


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A monorepo with two libraries and a function."""
    top = tmp_path / "repository"
    for name, text in {
        "libs/common/pyproject.toml": '[project]\nname = "common"\nversion = "1"\n', "libs/common/common.py": "x = 1\n",
        "libs/common/.gitignore": "dist/\n", "libs/common/dist/old.whl": "x", "libs/common/node_modules/a.js": "x",
        "libs/base.txt": "six\n../../libs/common\n", "services/greet/main.py": "handler = 1\n",
        "services/greet/function.yaml": "", ".git/HEAD": "ref: refs/heads/main\n",
    }.items():  # fmt: skip
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "outside").mkdir()
    return top


def collect_needs(folder: Path, into: Path, source: str = ".", **options: object) -> Requirements:
    """Fetch the source of a function in that folder as a build does, and return its requirements."""
    named = options.pop("named", ())
    assert isinstance(named, tuple)
    function = FunctionSpec(root=folder, name="f", handler="main:handler", source=source, requirements=named)
    tree = fetch(function, into / "tree", environ={}, network=NetworkSettings())
    return collect_requirements(function, tree.path, RequirementFlags(**options))  # type: ignore[arg-type]  # as a test gives them


def list_texts(requirements: Requirements) -> list[str]:
    return [requirement.text for requirement in requirements.lines]


def test_a_folder_of_the_same_repository(repository: Path, tmp_path: Path) -> None:
    """By the document, a file of the source, one that it includes, or a flag; read as a source is, by its rules."""
    greet = repository / "services/greet"
    requirements = collect_needs(greet, tmp_path / "1", named=("../../libs/common",))
    assert list_texts(requirements) == ["file:../../libs/common"]
    files = {path.name for path in (requirements.root / "../../libs/common").iterdir()}
    assert files == {"pyproject.toml", "common.py", ".gitignore"}
    (greet / "requirements.txt").write_text("-r ../../libs/base.txt\n")
    listed = collect_needs(greet, tmp_path / "2")
    assert list_texts(listed) == ["six", "file:../../libs/common"]
    assert {text for text in listed.list_texts() if "common" in text} == set(requirements.list_texts())
    (greet / "requirements.txt").write_text("# none\n")
    assert list_texts(collect_needs(greet, tmp_path / "3", requirements=["../../libs/common"])) == [
        "file:../../libs/common"
    ]
    (greet / "requirements.txt").write_text("-e ../../libs/common\n")
    flag = collect_needs(greet, tmp_path / "4", files=[greet / "requirements.txt"])
    assert list_texts(flag) == ["file:../../libs/common"]


def test_a_source_below_the_document(repository: Path, tmp_path: Path) -> None:
    """Requirements next to the document are read; paths are relative to its folder."""
    greet = repository / "services/greet"
    (greet / "src").mkdir()
    (greet / "main.py").rename(greet / "src/main.py")
    (greet / "requirements.txt").write_text("../../libs/common\n")
    requirements = collect_needs(greet, tmp_path / "1", source="src")
    assert list_texts(requirements) == ["file:../../libs/common"]
    assert (requirements.root / "../../libs/common/common.py").is_file()


def test_the_lock_depends_on_the_content_and_not_on_its_path(repository: Path, tmp_path: Path) -> None:
    """The same on each machine; another one when the library has changed, and not for what its rules leave out."""
    greet = repository / "services/greet"
    first = collect_needs(greet, tmp_path / "1", named=("../../libs/common",)).list_texts()
    (repository / "libs/common/dist/new.whl").write_text("y")
    assert collect_needs(greet, tmp_path / "2", named=("../../libs/common",)).list_texts() == first
    moved = repository.rename(tmp_path / "elsewhere")
    greet = moved / "services/greet"
    assert collect_needs(greet, tmp_path / "3", named=("../../libs/common",)).list_texts() == first
    (moved / "libs/common/common.py").write_text("x = 2\n")
    assert collect_needs(greet, tmp_path / "4", named=("../../libs/common",)).list_texts() != first


@pytest.mark.parametrize("path", ["../../../outside", "/tmp", "../../libs/none", "../../libs/link"])
def test_nothing_outside_the_repository_is_copied(repository: Path, tmp_path: Path, path: str) -> None:
    """Neither missing folders, nor folders behind a link."""
    (repository / "libs/link").symlink_to(tmp_path / "outside")
    with pytest.raises(LockError, match=r"spec.requirements\[0\]: .*(outside of|no .*in) the source"):
        collect_needs(repository / "services/greet", tmp_path / "1", named=(path,))


def test_without_a_repository_only_the_source_is_copied(repository: Path, tmp_path: Path) -> None:
    """A repository of its own is a repository."""
    greet = repository / "services/greet"
    (greet / ".git").mkdir()
    for number in (1, 2):
        with pytest.raises(LockError, match=r"lies outside of the source .*same repository"):
            collect_needs(greet, tmp_path / str(number), named=("../../libs/common",))
        (repository / ".git/HEAD").unlink(missing_ok=True)
        for folder in (greet / ".git", repository / ".git"):
            if folder.exists():
                folder.rmdir()

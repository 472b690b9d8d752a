"""A function that a project has recorded is found again: inline, in a folder, in an archive, at an address."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.gitserver import GitServer, Repository
from tests.stores import Server, send_reply

from ovenbird.common.git_checkout import read_revision
from ovenbird.errors import DocumentError, LoadError
from ovenbird.platform.entities.function_spec import python_spec
from ovenbird.platform.entities.run import FunctionRevision
from ovenbird.platform.project.project import Project
from ovenbird.sdk.recorded_source import RecordedSource

_CODE = "from helper import NUMBER\n\ndef count():\n    return NUMBER\n"


def write_source(folder: Path) -> Path:
    """Write a module and one that it imports; return the folder."""
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(_CODE)
    (folder / "helper.py").write_text("NUMBER = 3\n")
    return folder


def locate(function: Any) -> tuple[Path, str]:
    """Return the root, and the target as text."""
    target = RecordedSource(function).locate(os.environ)
    return target.root, str(target)


def test_inline_source_has_the_name_of_its_file(demo: Project, folder: Path) -> None:
    """`code_src` of one module is recorded with the function; what becomes of the file later does not matter."""
    (folder / "my-code.py").write_text("def f(): pass\n")
    function = demo.new_function("f", "python", code_src="my-code.py", handler="f", init_function="start")
    (folder / "my-code.py").unlink()
    root, text = locate(demo.get_function("f"))
    assert (text, (root / "my-code.py").read_text()) == ("my-code:f", "def f(): pass\n")
    assert RecordedSource(function).locate(os.environ).init == "start"
    assert locate(demo.new_function("g", "python", code="x = 1", handler="pkg.mod:f"))[1] == "pkg.mod:f"


def test_a_folder_is_used_where_it_lies(demo: Project, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known by its absolute path, so that the function runs from any folder."""
    write_source(folder / "src")
    demo.new_function("f", "python", code_src="src", handler="main:count")
    monkeypatch.setenv("OVENBIRD_HOME", str(folder / ".ovenbird"))
    monkeypatch.chdir("/")
    assert locate(demo.get_function("f")) == (folder / "src", "main:count")


@pytest.mark.parametrize("form", ["local", "zip+http", "http"])
def test_what_is_packed_or_elsewhere_is_fetched(demo: Project, folder: Path, server: Server, form: str) -> None:
    """It lies below the data folder, by its content: the same source has one folder, a changed one another."""
    source = write_source(folder / "src")

    def pack() -> bytes:
        with zipfile.ZipFile("app.zip", "w") as archive:
            for path in source.iterdir():
                archive.write(path, path.name)
        return Path("app.zip").read_bytes()

    content = [pack()]
    server.answer = lambda request: send_reply(request, content[0] if form == "zip+http" else _CODE.encode())
    addresses = {"local": "app.zip", "zip+http": f"zip+{server.url}/app.zip", "http": f"{server.url}/main.py"}
    function = demo.new_function("f", "python", code_src=addresses[form], handler="main:count")
    root, text = locate(function)
    assert (text, (root / "main.py").read_text(), root.parent) == ("main:count", _CODE, folder / ".ovenbird/sources")
    assert locate(function)[0] == root
    (source / "helper.py").write_text("NUMBER = 4\n")
    content[0] = pack()
    assert (locate(function)[0] == root) == (form == "http")


@pytest.mark.slow
def test_a_git_source_is_fetched(demo: Project, gits: GitServer, repository: Repository) -> None:
    """The branch as it is now, with its commit at hand for the provenance."""
    commit = repository.commit(main_py=_CODE, helper_py="NUMBER = 3")
    function = demo.new_function("f", "python", code_src=f"git+{gits.url}/app/.git#main", handler="main:count")
    root, text = locate(function)
    assert (text, (root / "helper.py").exists(), read_revision(root)) == ("main:count", True, commit)
    repository.commit(helper_py="NUMBER = 4")
    assert (locate(function)[0] / "helper.py").read_text() == "NUMBER = 4"


def test_a_function_that_a_run_has_recorded(demo: Project, folder: Path) -> None:
    """Its record names the folder of its source; once that is gone, the error says so."""
    source = write_source(folder / "src")
    function = demo.register_function("f", {"source": {"handler": "main:count", "root": str(source), "digest": "d"}})
    assert locate(function) == (source, "main:count")
    for path in source.iterdir():
        path.unlink()
    source.rmdir()
    with pytest.raises(LoadError, match=r"the source of store://demo/function/python/f:.* is gone: no folder"):
        locate(function)


def test_what_cannot_be_run_says_why(demo: Project, folder: Path) -> None:
    """A function of another kind, a document with problems, and a source that is not there."""
    other = demo.register_function("f", {"source": {}}, "dbt")
    with pytest.raises(DocumentError, match="is of kind 'dbt'"):
        locate(other)
    spec = python_spec("f", "python", {"code_src": "gone", "handler": "main:f"})
    with pytest.raises(DocumentError, match="no file or folder 'gone'"):
        locate(demo.register_function("g", spec))
    with pytest.raises(DocumentError, match="python_version"):
        locate(demo.new_function("h", "python", code="x", handler="f", python_version="PYTHON2_7"))
    (folder / "broken.zip").write_bytes(b"PK")
    with pytest.raises(LoadError, match=r"broken\.zip"):
        locate(demo.new_function("i", "python", code_src="broken.zip", handler="main:f"))
    assert isinstance(other, FunctionRevision)

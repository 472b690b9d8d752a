"""Which distributions and which local modules a text needs."""

from __future__ import annotations

import concurrent.futures
import gc
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from ovenbird.capture.imported_modules import sort_imports
from ovenbird.errors import CaptureError


def install(folder: Path, name: str, number: str, *files: str, **metadata: str) -> None:
    """Put the files and the metadata of a distribution into a folder, as pip does."""
    info = folder / f"{name.replace('-', '_')}-{number}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    for file, text in metadata.items():
        (info / f"{file}.json").write_text(text)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of installed distributions that is on `sys.path`."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.mark.slow
def test_installed_distributions(packages: Path) -> None:
    """A module called otherwise than its distribution is found; the standard library and the runtime are left out."""
    install(packages, "py-forest", "2.0", "forest_x/__init__.py")
    install(packages, "single_x", "1.0+cpu", "single_x.py")
    text = "import os, sys\nimport forest_x.trees\nfrom ovenbird import handler\ndef f():\n    import single_x\n"
    modules = sort_imports(text)
    assert modules.requirements == {"py-forest==2.0", "single_x==1.0"}
    assert modules.local_modules == {}
    assert modules.unresolved == set()


@pytest.mark.slow
def test_parts_of_a_namespace_package(packages: Path) -> None:
    """Only the distributions whose part is imported count."""
    for part in ("storage", "query", "vision"):
        install(packages, f"cloud-{part}", "1.0", f"cloud_x/{part}/__init__.py")
    modules = sort_imports("from cloud_x import storage\nfrom cloud_x.query import Client\n")
    assert modules.requirements == {"cloud-storage==1.0", "cloud-query==1.0"}


def test_a_distribution_of_a_repository(packages: Path) -> None:
    """A version that no index has is required by its commit; a password in the address is not shown."""
    origin = {"url": "https://user:secret@example.com/x.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    install(packages, "from_git", "0.1.dev1", "from_git.py", direct_url=json.dumps(origin))
    (requirement,) = sort_imports("import from_git").requirements
    assert requirement.startswith("from_git @ git+https://")
    assert requirement.endswith("example.com/x.git@abc")
    assert "secret" not in requirement


def test_modules_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and folders on the path come along, and what they import themselves; each once."""
    (tmp_path / "one_x.py").write_text("import two_x\nimport msgspec\n")
    (tmp_path / "two_x").mkdir()
    (tmp_path / "two_x" / "__init__.py").write_text("import one_x\nfrom . import inner\n")
    (tmp_path / "two_x" / "inner.py").write_text("from three_x import y\n")
    (tmp_path / "three_x").mkdir()  # without `__init__.py`
    (tmp_path / "three_x" / "y.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    modules = sort_imports("import one_x")
    assert modules.local_modules == {
        "one_x": tmp_path / "one_x.py",
        "two_x": tmp_path / "two_x",
        "three_x": tmp_path / "three_x",
    }
    assert modules.requirements == {f"msgspec=={version('msgspec')}"}
    assert [module.name for module in modules.list_local()] == ["one_x", "three_x", "two_x"]
    assert not {"one_x", "two_x", "three_x"} & sys.modules.keys()  # nothing was imported


@pytest.mark.slow
def test_what_changes_between_two_runs(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation and an edit after the first look are seen by the second, which reads nothing else again."""
    module = packages.parent / "edited_x.py"
    module.write_text("import msgspec\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages.parent)])
    text = "import edited_x\ntry:\n    import late_x\nexcept ImportError:\n    pass\n"
    assert sort_imports(text).requirements == {f"msgspec=={version('msgspec')}"}
    module.write_text("import pytest\n")
    install(packages, "py-late", "2.0", "late_x.py")
    assert sort_imports(text).requirements == {f"pytest=={version('pytest')}", "py-late==2.0"}
    (packages / "py_late-2.0.dist-info").rename(packages / "py_late-3.0.dist-info")
    (packages / "py_late-3.0.dist-info" / "METADATA").write_text("Name: py-late\nVersion: 3.0\n")
    assert "py-late==3.0" in sort_imports(text).requirements


@pytest.mark.parametrize(("text", "unresolved"), [
    ("match x:\n    case 1:\n        import no_such", {"no_such"}),
    ("for x in y:\n    pass\nelse:\n    with z:\n        import no_such", {"no_such"}),
    ("class A:\n    async def f(self):\n        while x:\n            import no_such", {"no_such"}),
    ("try:\n    pass\nexcept E:\n    if x:\n        pass\n    else:\n        import no_such", set()),
])  # fmt: skip
def test_imports_in_any_block(text: str, unresolved: set[str]) -> None:
    """An import counts wherever a statement may stand; below `try` it may be missing."""
    assert sort_imports(text).unresolved == unresolved


def test_threads_that_parse_at_once() -> None:
    """Each thread gets its imports, whatever the others parse: Python 3.11 counts the depth of all together.

    A collection of garbage while a tree is made lets the other threads go on, as finalizers of the user's may do.
    """
    text = "import no_such_module\n" + "value = [[[(1, 2), {3: f(4, *[5])}]]]\n" * 300

    def switch_threads(*_: Any) -> None:
        time.sleep(0.0001)

    gc.callbacks.append(switch_threads)
    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            unresolved = list(pool.map(lambda number: sort_imports(f"{text}{number}").unresolved, range(40)))
    finally:
        gc.callbacks.remove(switch_threads)
    assert unresolved == [{"no_such_module"}] * 40


def test_imports_that_may_be_missing() -> None:
    """What is tried, or read by type checkers only, need not be there; the rest is named."""
    text = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import no_such_types\n"
        "try:\n    import no_such_json\nexcept ImportError:\n    pass\n"
        "def f():\n    import no_such_gpu.cuda\n    from digitalhub_runtime_python import handler\n"
        "    importlib.import_module('no_such_name')\n    importlib.import_module(name)\n"
    )
    modules = sort_imports(text)
    assert modules.unresolved == {"no_such_gpu", "no_such_name"}
    assert modules.requirements == set()


@pytest.mark.slow
def test_a_distribution_with_another_name() -> None:
    """The lists of installed files say whose a module is."""
    assert sort_imports("import yaml").requirements == {f"PyYAML=={version('pyyaml')}"}


@pytest.mark.slow
def test_a_module_that_no_folder_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot come along, and is refused by name."""
    import types
    from importlib.machinery import ModuleSpec

    module = types.ModuleType("made_up_x")
    module.__spec__ = ModuleSpec("made_up_x", None, origin="a dream")
    monkeypatch.setitem(sys.modules, "made_up_x", module)
    with pytest.raises(CaptureError, match="`made_up_x` is not installed, and no file or folder holds it") as caught:
        sort_imports("import made_up_x")
    assert caught.value.name == "made_up_x"

"""Versions of imported distributions, without `importlib.metadata`."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

_FIND = (
    "import sys, json, importlib\n"
    "sys.path[:0] = json.loads(sys.argv[2])\n"
    "for name in json.loads(sys.argv[1]): importlib.import_module(name)\n"
    "from ovenbird.common.imported_packages import list_imported_packages\n"
    "before = set(sys.modules)\n"
    "print(json.dumps([list_imported_packages(), sorted(set(sys.modules) - before)]))"
)


def _find(*modules: str, path: tuple[Path, ...] = ()) -> dict[str, str]:
    words = [sys.executable, "-c", _FIND, json.dumps(modules), json.dumps([str(folder) for folder in path])]
    result, imported = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    assert imported == []
    return dict(result)


def _install(folder: Path, name: str, files: tuple[str, ...], record: bool = True) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("")
    info = folder / f"{name}.dist-info"
    info.mkdir()
    if record:
        (info / "RECORD").write_text("".join(f"{file},sha256=x,0\n" for file in files))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "distribution"), [("numpy", "numpy"), ("sklearn", "scikit-learn"), ("yaml", "pyyaml")]
)
def test_a_distribution_is_known_by_its_module(module: str, distribution: str) -> None:
    """A module leads to its distribution and version also where the names differ; nothing is imported for it."""
    assert _find(module)[distribution] == version(distribution)


def test_only_what_was_imported_counts() -> None:
    """Packages that are installed and not imported are not listed."""
    assert {"pandas", "scikit-learn", "pyyaml"}.isdisjoint(_find())


def test_parts_of_a_namespace_package_are_distinct(tmp_path: Path) -> None:
    """Two distributions share a namespace: the one whose module was imported is listed."""
    _install(tmp_path, "space_one-1.0", ("space/one/__init__.py",))
    _install(tmp_path, "space_two-2.0", ("space/two/__init__.py",))
    assert _find("space.two", path=(tmp_path,)).get("space-two") == "2.0"
    assert "space-one" not in _find("space.two", path=(tmp_path,))


def test_odd_installations_are_no_error(tmp_path: Path) -> None:
    """Packages without RECORD, with a local version, as egg-info or as one module are found as far as possible."""
    _install(tmp_path, "Plain.Dashed_Name-1.0+cu121", ("plain_dashed_name/__init__.py",), record=False)
    _install(tmp_path, "single-3", ("single.py",))
    (tmp_path / "egg").mkdir()
    (tmp_path / "egg" / "__init__.py").write_text("")
    (tmp_path / "egg-4.5-py3.11.egg-info").write_text("")
    (tmp_path / "loose.py").write_text("import sys; sys.modules['odd'] = 3")
    result = _find("plain_dashed_name", "single", "egg", "loose", path=(tmp_path,))
    assert {name: result.get(name) for name in ("plain-dashed-name", "single", "egg")} == {
        "plain-dashed-name": "1.0+cu121", "single": "3", "egg": "4.5",
    }  # fmt: skip
    assert {"loose", "odd"}.isdisjoint(result)

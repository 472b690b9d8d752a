"""The wheel of the runtime."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ovenbird_builder.bases import runtime_wheel


def test_the_same_code_gives_the_same_bytes(tmp_path: Path) -> None:
    """Neither time, umask nor other files of the folder change the wheel."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, mask in zip(folders, (0o022, 0o077), strict=True):
        folder.mkdir()
        before = os.umask(mask)
        try:
            runtime_wheel.build_runtime_wheel(folder)
        finally:
            os.umask(before)
    first, second = (next(folder.iterdir()) for folder in folders)
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_it_holds_the_runtime_alone(tmp_path: Path) -> None:
    """Every module of the runtime, nothing of the builder, no bytecode, one command."""
    with zipfile.ZipFile(runtime_wheel.build_runtime_wheel(tmp_path)) as wheel:
        names = set(wheel.namelist())
        info = next(name for name in names if name.endswith("METADATA")).rpartition("/")[0]
        about, commands = wheel.read(f"{info}/METADATA").decode(), wheel.read(f"{info}/entry_points.txt").decode()
    root = Path(__file__).parents[3] / "wrapper"
    assert {path.relative_to(root).as_posix() for path in root.rglob("*.py")} <= names
    assert "ovenbird/py.typed" in names
    assert f"{info}/licenses/LICENSE" in names
    assert not [name for name in names if "builder" in name or name.endswith(".pyc")]
    assert commands == "[console_scripts]\novenbird = ovenbird.__main__:main\n"
    assert "Provides-Extra: platform" in about
    assert "Requires-Dist: starlette" in about
    assert "pip-tools" not in about


@pytest.mark.slow
def test_pip_installs_it(tmp_path: Path) -> None:
    """A real pip takes it, its hashes fit, and what it installed is that version, without the builder's verbs."""
    wheel = runtime_wheel.build_runtime_wheel(tmp_path)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*command, str(tmp_path / "site"), str(wheel)], check=True, timeout=100)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import ovenbird; from importlib.metadata import distribution as d"
    )
    code += "; print(ovenbird.__file__, d('ovenbird').version, [e.group for e in d('ovenbird').entry_points])"
    process = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "site")], capture_output=True, text=True, check=True
    )
    location, version, groups = process.stdout.split(maxsplit=2)
    assert location.startswith(str(tmp_path))
    assert f"ovenbird-{version}-" in wheel.name
    assert groups.strip() == "['console_scripts']"

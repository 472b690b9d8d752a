"""The tools that are mounted into containers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ovenbird_builder.containers import pip_tools
from ovenbird_builder.containers.working_container import WorkingContainer, open_container
from ovenbird_builder.errors import DiskFullError


@pytest.mark.slow
def test_the_toolbox_is_made_once(tmp_path: Path) -> None:
    """The folder is kept by its versions, and holds nothing that is compiled for one Python."""
    folder = pip_tools.prepare_toolbox(tmp_path)
    marker = folder / "marker"
    marker.touch()
    assert pip_tools.prepare_toolbox(tmp_path) == folder
    assert marker.exists()
    assert [path.name for path in (tmp_path / "toolbox").iterdir()] == [folder.name]
    assert not [path for path in folder.rglob("*") if path.suffix in (".so", ".pyc", ".pth")]
    assert pip_tools.mount_toolbox(tmp_path) == f"{folder}:/run/ovenbird/toolbox:ro"


@pytest.mark.timeout(300)
def test_bytecode_of_the_tools_is_made_once_for_each_python(standins: dict[str, str], tmp_path: Path) -> None:
    """A run of pip compiles nothing then; a second call starts nothing."""
    toolbox = pip_tools.prepare_toolbox(tmp_path)
    environ = {"PYTHONPATH": pip_tools.MOUNTED, "PYTHONDONTWRITEBYTECODE": "1"}
    with open_container(standins["3.11"]) as container:
        pip_tools.compile_toolbox(tmp_path, container, "python3", "one")
        command = ["python3", "-v", "-m", "piptools", "compile", "--help"]
        mounts = [pip_tools.mount_toolbox(tmp_path)]
        imports = container.run(command, env=environ, mounts=mounts, network=False).stderr
    assert re.search(rf"code object from '?{pip_tools.MOUNTED}/pip/.*\.pyc", imports)
    assert not re.findall(rf"code object from {pip_tools.MOUNTED}/.*\.py$", imports, re.M)
    assert (toolbox / ".compiled-one").exists()
    pip_tools.compile_toolbox(tmp_path, WorkingContainer("none-such"), "python3", "one")


@pytest.mark.timeout(300)
def test_a_failure_to_compile_the_tools_is_no_error(standins: dict[str, str], tmp_path: Path) -> None:
    """They are not marked as compiled, and work."""
    toolbox = pip_tools.prepare_toolbox(tmp_path)
    (toolbox / "click" / "core.py").write_text("def broken(:\n")
    with open_container(standins["3.11"]) as container:
        pip_tools.compile_toolbox(tmp_path, container, "python3", "one")
    assert not (toolbox / ".compiled-one").exists()


@pytest.mark.timeout(300)
def test_a_python_that_hangs_costs_a_while_and_is_no_error(
    standins: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step that comes next has a time limit of its own."""
    monkeypatch.setattr(pip_tools, "_PATIENCE", 1.0)
    toolbox = pip_tools.prepare_toolbox(tmp_path)
    with open_container(standins["3.11"]) as container:
        container.run(["sh", "-c", "printf '#!/bin/sh\\nsleep 300\\n' > /hangs && chmod 755 /hangs"])
        pip_tools.compile_toolbox(tmp_path, container, "/hangs", "one")
    assert not (toolbox / ".compiled-one").exists()


@pytest.mark.slow
def test_pip_alone(tmp_path: Path) -> None:
    """The copy for a build's context runs, and is pip and nothing else."""
    pip_tools.copy_pip(tmp_path / "tools")
    assert {path.name.partition("-")[0] for path in (tmp_path / "tools").iterdir()} == {"pip"}
    code = "import sys; sys.path.insert(0, sys.argv[1]); import pip; print(pip.__file__)"
    command = [sys.executable, "-I", "-c", code, str(tmp_path / "tools")]
    assert str(tmp_path) in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    """The error names the place."""
    (tmp_path / "file").touch()
    with pytest.raises(DiskFullError, match="file/toolbox"):
        pip_tools.prepare_toolbox(tmp_path / "file")

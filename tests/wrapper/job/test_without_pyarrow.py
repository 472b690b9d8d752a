"""Tables where pandas is installed and pyarrow is not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.project.project import Project

_SOURCE = """
import pandas as pd

def handler(cities: pd.DataFrame):
    return cities.sort_values("people").reset_index(drop=True)
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter with all that this one has, but pyarrow."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (site,) = (tmp_path / "venv").glob("lib/python3*/site-packages")
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if not entry.name.startswith(("pyarrow", "__pycache__")):
            (site / entry.name).symlink_to(entry)
    return tmp_path / "venv/bin/python"


def _run(python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    folder = python.parents[2]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OVENBIRD_", "PYTHON"))}
    return subprocess.run(
        [python, "-m", "ovenbird", *words], cwd=folder, env=environ | {"OVENBIRD_HOME": str(folder / "home")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_table_is_stored_as_csv_with_a_warning(python: Path, tmp_path: Path) -> None:
    """The table is stored; the warning names the package, and so does the error for a Parquet input."""
    (tmp_path / "main.py").write_text(textwrap.dedent(_SOURCE))
    (tmp_path / "cities.csv").write_text("name,people\nZürich,443000\nTrento,118000\n")
    process = _run(python, "run", "main.py", "--input", "cities=cities.csv")
    assert process.returncode == 0, process.stderr
    assert "output_0 is stored as CSV, and not as Parquet: the package pyarrow is not installed" in process.stderr
    assert re.search(r"pip install (-e )?'[^']*\[tables\]'", process.stderr)
    store = LocalStore(tmp_path / "home")
    item = Project(store, "default", {}).get_dataitem("output_0")
    store.close()
    assert Path(item.spec.path).read_text() == "name,people\nTrento,118000\nZürich,443000\n"
    assert [field.name for field in item.spec["schema"].fields] == ["name", "people"]
    again = _run(python, "run", "main.py", "--input", f"cities={item.key}")
    assert again.returncode == 0, again.stderr
    (tmp_path / "cities.parquet").write_bytes(b"PAR1")
    failed = _run(python, "run", "main.py", "--input", "cities=cities.parquet")
    assert failed.returncode == 78
    assert re.search(r"pip install (-e )?'[^']*\[tables\]'", failed.stderr)

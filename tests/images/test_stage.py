"""What a base image leaves out of the packages that the runtime consists of."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from ovenbird_builder.layers import elf

ROOT = Path(__file__).parents[2]
IMPORT_ALL = """
import importlib, pkgutil, sys
import dulwich
assert dulwich.__file__.startswith(sys.argv[1]), dulwich.__file__
for module in pkgutil.walk_packages(dulwich.__path__, "dulwich."):
    importlib.import_module(module.name)
import ovenbird.job.sources.checkout, ovenbird.job.sources.git_fetch
"""


def install(name: str, site: Path) -> Path:
    """Copy an installed distribution to the folder `site`, and return its record of files there."""
    distribution = metadata.distribution(name)
    record = site
    for path in distribution.files or ():
        if ".." in path.parts or path.suffix == ".pyc":
            continue
        target = site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(distribution.locate_file(path)), target)
        if path.name == "RECORD":
            record = target
    return record


def trim(site: Path) -> None:
    """Trim the packages in `site` as a base's build does."""
    program = "import sys; from pathlib import Path; import stage; stage.trim(Path(sys.argv[1]))"
    folder = site.with_name(f"{site.name}-context")
    folder.mkdir()
    for path in (ROOT / "images" / "stage.py", Path(elf.__file__)):
        shutil.copyfile(path, folder / path.name)
    subprocess.run([sys.executable, "-c", program, str(site)], cwd=folder, check=True)


def test_what_stays_of_a_package_can_be_imported(tmp_path: Path) -> None:
    """Commands and servers of dulwich are left out; no module that stays imports them, nor does our fetching."""
    record = install("dulwich", tmp_path)
    trim(tmp_path)
    left_out = [tmp_path / "dulwich" / name for name in ("cli.py", "porcelain", "web.py", "server.py", "tests")]
    assert not [path for path in left_out if path.exists()]
    subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALL, str(tmp_path)], env={"PYTHONPATH": str(tmp_path)}, check=True
    )
    with record.open(newline="", encoding="utf-8") as lines:
        listed = {row[0] for row in csv.reader(lines)}
    present = {
        path.relative_to(tmp_path).as_posix()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert listed == present


def test_files_for_development_are_left_out(tmp_path: Path) -> None:
    """Sources of extensions and stubs for type checkers go, and the package works without them."""
    record = install("uvloop", tmp_path)
    assert list(tmp_path.rglob("*.pyx"))
    trim(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.suffix in {".c", ".h", ".pxd", ".pyi", ".pyx"}]
    assert ".pyx" not in record.read_text()
    program = "import asyncio, uvloop; print(uvloop.__file__); uvloop.run(asyncio.sleep(0))"
    process = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert process.stdout.startswith(str(tmp_path))

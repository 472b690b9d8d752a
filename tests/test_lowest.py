"""The lowest versions that pyproject.toml allows work: the tests that meet them are run again with them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
# where the runtime meets these packages: JSON and hints, HTTP, forms, object stores, git, connections of clients
WHAT = [
    "tests/wrapper/function",
    "tests/wrapper/serve/request/test_body_reader.py",
    "tests/wrapper/serve/server/test_uvicorn_adapter.py",
    "tests/wrapper/serve/test_in_process.py",
    "tests/wrapper/serve/observability/test_openapi.py",
    "tests/wrapper/platform/storage/test_object_storage.py",
    "tests/wrapper/job/sources/test_git_fetch.py",
    "tests/wrapper/client/test_faults.py",
    "tests/wrapper/test_function_document.py",
]  # fmt: skip
# these take long, and are about our own use of memory, of the import system and of processes
LEFT_OUT = (
    "--deselect=tests/wrapper/platform/storage/test_object_storage.py::test_a_large_object_moves_in_bounded_memory",
    "--deselect=tests/wrapper/job/sources/test_git_fetch.py::test_an_object_that_unpacks_to_too_much",
    *(f"--ignore=tests/wrapper/function/test_{name}.py" for name in ("decorator", "loader", "unused_packages")),
)
PEERS = ["fastapi==0.133"]  # the first that takes the lowest Starlette


def lowest() -> list[str]:
    """`name==version` of every dependency of the runtime, with the extras `platform` and `client`, at its lowest."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = []
    extras = project["optional-dependencies"]
    for text in dict.fromkeys((*project["dependencies"], *extras["platform"], *extras["client"])):
        requirement = Requirement(text)
        (floor,) = (part.version for part in requirement.specifier if part.operator == ">=")
        pins.append(f"{requirement.name}=={floor}")
    return pins


@pytest.fixture(scope="module")
def python() -> Path:
    """An interpreter that has the lowest versions, and after them what the tests need, from this environment."""
    pins = [*lowest(), *PEERS]
    key = hashlib.sha256("\n".join([sys.version, sys.prefix, *pins]).encode()).hexdigest()[:12]
    folder = ROOT / ".cache" / "lowest" / key
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", folder / "bin" / "python"]
        subprocess.run([*uv, "--only-binary=:all:", *pins], check=True)
        (site,) = folder.glob("lib/python3*/site-packages")
        (site / "_ovenbird.pth").write_text(f"{ROOT / 'wrapper'}\n{ROOT / 'builder'}\n")
        (site / "tests.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        (folder / "complete").touch()
    return folder / "bin" / "python"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="the lowest versions have no wheels for Python 3.13; 3.10 to 3.12 test them"
)
def test_the_lowest_versions_work(python: Path) -> None:
    """The runtime works with the oldest versions of its dependencies."""
    listing = subprocess.run(
        [python, "-c", "import importlib.metadata as m, sys; print(*(n + '==' + m.version(n) for n in sys.argv[1:]))",
         *(pin.partition("==")[0] for pin in lowest())],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    installed = dict(pin.split("==") for pin in listing.stdout.split())
    assert {name: Version(version) for name, version in installed.items()} == {
        name: Version(version) for name, version in (pin.split("==") for pin in lowest())
    }
    environ = {**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": ""}  # uv has compiled nothing
    process = subprocess.run(
        [python, "-m", "pytest", "-q", "-W", "ignore::PendingDeprecationWarning", "-p", "no:cacheprovider",
         *LEFT_OUT, *WHAT],
        cwd=ROOT, capture_output=True, text=True, check=False, env=environ,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout[-4000:] + process.stderr[-2000:]

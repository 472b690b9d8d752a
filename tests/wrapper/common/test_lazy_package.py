"""A package whose modules are imported before its `__init__` runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PACKAGE = {
    "__init__.py": (
        "print('init')\nfrom lazily.part import Part, own_name\nfrom lazily.rest import Rest\n__version__ = '3'\n"
    ),
    "part.py": "class Part: pass\nown_name = 'x'\n",
    "rest.py": "print('rest')\nimport lazily\nclass Rest: part = lazily.Part\n",
}  # fmt: skip
Run = Callable[..., str]
DEFER = "from ovenbird.common.lazy_package import defer_package\ndefer_package('lazily', {'Part': 'lazily.part'})\n"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run source text beside the package `lazily`; what it prints."""

    def run_text(source: str, before: str = DEFER, **changes: str) -> str:
        for name, text in {**PACKAGE, **{f"{key}.py": value for key, value in changes.items()}}.items():
            path = tmp_path / "lazily" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        command = [sys.executable, "-c", before + source]
        process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return process.stdout if not process.returncode else process.stderr.splitlines()[-1]

    return run_text


@pytest.mark.parametrize(("source", "printed"), [
    ("import lazily, lazily.part\nprint(lazily.part.own_name)", "x\n"),
    ("from lazily import Part\nimport lazily.part\nprint(Part is lazily.part.Part)", "True\n"),
    ("import lazily\nprint(lazily.__name__, lazily.__file__[-11:])", "lazily __init__.py\n"),
], ids=["module", "name of a module", "attributes of the import system"])  # fmt: skip
def test_its_modules_are_imported_alone(run: Run, source: str, printed: str) -> None:
    assert run(source) == printed


@pytest.mark.parametrize(("source", "printed"), [
    ("import lazily\nprint(lazily.__version__, lazily.__version__)", "init\nrest\n3 3\n"),
    ("from lazily import Rest, own_name\nprint(Rest.__name__, own_name)", "init\nrest\nRest x\n"),
    ("import lazily\nprint(lazily.Part is lazily.Rest.part)", "init\nrest\nTrue\n"),
    ("import lazily\nprint(hasattr(lazily, 'nothing'))", "init\nrest\nFalse\n"),
    ("import lazily\nprint(lazily.nothing)", "AttributeError: module 'lazily' has no attribute 'nothing'"),
    ("from lazily import *\nprint(Rest.__name__)", "init\nrest\nRest\n"),
], ids=["twice", "from", "recursion", "absent", "message", "star"])  # fmt: skip
def test_a_name_of_its_own_runs_it_once(run: Run, source: str, printed: str) -> None:
    assert run(source) == printed


def test_its_error_is_raised_each_time(run: Run) -> None:
    source = "import lazily\nfor _ in range(2):\n  try: lazily.Rest\n  except ImportError as error: print(error)\n"
    assert run(source, rest="import no_such_module") == "init\nNo module named 'no_such_module'\n" * 2


def test_threads_ask_at_once(run: Run) -> None:
    source = (
        "import lazily\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool: names = set(pool.map(lambda _: lazily.Rest.__name__, range(50)))\n"
        "print(names)"
    )
    slow = "import time\ntime.sleep(0.05)\nprint('rest')\nclass Rest: pass\n"
    assert run(source, rest=slow) == "init\nrest\n{'Rest'}\n"


@pytest.mark.parametrize("before", ["import lazily\n" + DEFER, DEFER + DEFER], ids=["imported", "deferred"])
def test_it_changes_nothing_the_second_time(run: Run, before: str) -> None:
    printed = run("import lazily\nprint(lazily.__version__)", before)
    assert printed == "init\nrest\n3\n"


def test_a_package_that_is_not_installed_is_missing_as_ever(run: Run) -> None:
    before = DEFER.replace("'lazily'", "'no_such_package'")
    assert run("import no_such_package", before) == "ModuleNotFoundError: No module named 'no_such_package'"

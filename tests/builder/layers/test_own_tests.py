"""A distribution's own tests are found, and stay where a module of it needs them."""

from __future__ import annotations

import pytest

from ovenbird_builder.layers.own_tests import find_own_tests

TESTS = {"shop/tests/__init__.py": "", "shop/tests/test_bell.py": "import shop", "shop/tests/data/a.txt": "a"}


def find(files: dict[str, str]) -> set[str]:
    return set(find_own_tests(files, lambda path: files[path].encode()))


def test_tests_and_their_data_are_found() -> None:
    """All that lies with the tests of a package goes with them, at every depth, and `conftest.py` too."""
    files = {
        "shop/__init__.py": "x = 1", "shop/conftest.py": "import pytest", **TESTS,
        "shop/bell/__init__.py": "", "shop/bell/test/test_ring.py": "", "shop/bell/test/deep/tests/test_a.py": "",
    }  # fmt: skip
    assert find(files) == set(files) - {"shop/__init__.py", "shop/bell/__init__.py"}


def test_tests_at_the_top_of_a_wheel_are_found_beside_a_package() -> None:
    """A folder `tests` that lies in site-packages by mistake goes, unless it is all that there is."""
    files = {"tests/__init__.py": "", "tests/test_a.py": ""}
    assert find({**files, "shop/__init__.py": ""}) == set(files)
    assert find(files) == set()


@pytest.mark.parametrize(
    "source",
    [
        "import shop.tests",
        "import shop.tests.test_bell as tests",
        "from shop import (\n    other,\n    tests,\n)",
        "from . import tests",
        "from .tests import test_bell",
        "from .tests.test_bell import *",
        "def run():\n    from shop.tests import test_bell",
        "import importlib\nimportlib.import_module('shop.tests')",
        "import importlib\nimportlib.import_module('.tests', __package__)",
        "from importlib.resources import files\nfiles('shop.tests')",
        "import os\nos.path.join(os.path.dirname(__file__), 'tests', 'data', 'a.txt')",
        "from pathlib import Path\nPath(__file__).parent / 'tests' / 'data'",
        "open('tests/data/a.txt')",
        "x = '\\d'\nimport shop.tests",
    ],
)  # fmt: skip
def test_tests_that_a_module_needs_stay(source: str) -> None:
    """An import in any form, and a path to what lies with the tests, keep the folder."""
    assert find({"shop/__init__.py": source, **TESTS}) == set()


@pytest.mark.parametrize(
    "source",
    [
        "'''See tests/test_bell.py, or shop.tests.'''",
        "import os\nos.path.join(os.path.dirname(__file__), 'tests')",
        "def handles(name):\n    return not name.startswith('shop.tests.')",
        "from .testing import tests_of",
        "from unittest import tests",
        "def (",
        "x = 'tests/data/no-such-file'",
    ],
)  # fmt: skip
def test_a_mere_word_keeps_nothing(source: str) -> None:
    """Texts for people, names that are compared, modules of others, and files that are not there: no use of tests."""
    assert find({"shop/__init__.py": source, "shop/testing.py": "", **TESTS}) == set(TESTS)


def test_a_module_too_large_to_be_parsed_keeps_all_tests() -> None:
    """Generated modules of many megabytes take gigabytes as a tree; one without a hint of tests is not looked at."""
    large = "#" * 5_000_000 + "\n"
    assert find({"shop/__init__.py": large + "import shop.tests", **TESTS}) == set()
    assert find({"shop/__init__.py": large, **TESTS}) == set(TESTS)


def test_odd_modules_take_no_time() -> None:
    """A line that is long and full of imports is read once."""
    assert find({"shop/__init__.py": "import x;" * 20_000, **TESTS}) == set(TESTS)


def test_what_needed_tests_import_stays_as_well() -> None:
    """Tests that have to stay may need others, and a `conftest.py`."""
    files = {
        "shop/__init__.py": "from .tests import test_bell", "shop/conftest.py": "", **TESTS,
        "shop/bell/__init__.py": "", "shop/bell/tests/test_deep.py": "from shop.conftest import x",
        "shop/other/__init__.py": "", "shop/other/tests/test_other.py": "import shop.tests",
    }  # fmt: skip
    files["shop/tests/test_bell.py"] = "from ..bell.tests import test_deep"
    assert find(files) == {"shop/other/tests/test_other.py"}


def test_packages_that_are_only_called_so_stay() -> None:
    """`django.test` and `numpy.testing` hold no tests; a folder outside of any package belongs to somebody else."""
    files = {
        "web/__init__.py": "", "web/test/__init__.py": "", "web/test/client.py": "", "web/testing/test_helpers.py": "",
        "web/driver/node_modules/x/test/index.js": "", "web/driver/node_modules/x/test/test_build.py": "",
    }  # fmt: skip
    assert find(files) == set()

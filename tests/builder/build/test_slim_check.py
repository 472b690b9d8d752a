"""The check of a slim image: run as it is in an image, by a Python on a folder that plays site-packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.wheels import wheel

from ovenbird_builder.build.slim_check import SlimCheck
from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.layers import InstallScheme

TESTS = {"shop/tests/__init__.py": "", "shop/tests/test_shop.py": "", "shop/fast.so": b"", "shop/bell.h": "int x;\n"}


def find_problem(folder: Path, cache: LayerCache, source: str) -> str:
    """Install a slim package whose `__init__` is `source`; what the check says of it."""
    site = folder / "site"
    scheme = InstallScheme(*map(str, (site, site, folder / "bin", folder, folder / "include")), sys.executable)
    check = SlimCheck([wheel(folder, "shop", files={"shop/__init__.py": source, **TESTS})], scheme, cache)
    (site / "shop").mkdir(parents=True)
    (site / "shop" / "__init__.py").write_text(source)
    program, *words = check.command
    code = words[words.index("-c") + 1]
    words[words.index("-c") + 1] = f"import sys; sys.path.insert(0, {str(site)!r})\n{code}"
    process = subprocess.run([program, *words], capture_output=True, text=True, check=True)
    return check.find_problem(process.stdout)


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "print('x' * 1000)",
        "raise RuntimeError('no display')",
        "import a_package_that_nobody_asked_for",
        "open('/no/such/file')",
        "import sys; sys.exit(3)",
        "import os, atexit; atexit.register(print, 'late')",
        "print('ovenbird-missing [')",
        "from shop import nothing",
    ],
)
def test_errors_that_are_a_packages_own_are_none(tmp_path: Path, cache: LayerCache, source: str) -> None:
    """Whatever else keeps a package from being imported would do so with all of its files."""
    assert find_problem(tmp_path, cache, source) == ""


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("__import__('shop.te' + 'sts')", "shop.tests"),
        ("import importlib; importlib.import_module('shop.te' + 'sts.test_' + 'shop')", "shop.tests"),
        ("exec('from shop import te' + 'sts')", "shop.tests"),
        ("open(__file__.replace('__init__.py', 'bell') + '.h')", "shop/bell.h"),
        (
            "try:\n    __import__('shop.te' + 'sts')\nexcept ImportError as e:\n    raise RuntimeError('x') from e",
            "shop.tests",
        ),
    ],
)
def test_a_package_that_misses_what_was_left_out_is_named(
    tmp_path: Path, cache: LayerCache, source: str, missing: str
) -> None:
    """A module, a name of a package, or a file; also behind an error of the package's own."""
    problem = find_problem(tmp_path, cache, source)
    assert missing in problem
    assert "shop 1.0" in problem

"""What nobody needs at run time is told by kind, and stays where a package reads it."""

from __future__ import annotations

from pathlib import Path

import httptools.parser.parser
import pytest
from tests.wheels import wheel

from ovenbird_builder.layers import InstallScheme
from ovenbird_builder.layers.elf import strip_symbols
from ovenbird_builder.layers.slim_exceptions import (
    HEADERS,
    KINDS,
    LIBRARIES,
    SOURCES,
    STUBS,
    SYMBOLS,
    TESTS,
    list_kept_kinds,
)
from ovenbird_builder.layers.unneeded_files import find_unneeded, measure_symbols
from ovenbird_builder.layers.wheel import open_installation

SITE = "/usr/lib/python3/site-packages"
INCLUDE = "/usr/include/python3"
SCHEME = InstallScheme(SITE, SITE, "/usr/bin", "/usr", INCLUDE, "/usr/bin/python3")
FILES = {
    "shop/__init__.py": "x = 1\n", "shop/fast.cpython-312-x86_64-linux-gnu.so": b"\0", "shop/bell.h": "",
    "shop/bell.pxd": "",
    "shop/fast.pyx": "", "shop/fast.c": "", "shop/ring.pyx.in": "", "shop/solve.f90": "", "shop/libshop.a": "",
    "shop/__init__.pyi": "", "shop/py.typed": "", "shop/data.csv": "", "shop/libshop.so.1": b"\0", "shop/.h": "",
    "shop-1.0.data/headers/shop.hpp": "", "shop-1.0.data/scripts/c": "#!/bin/sh\n",
}  # fmt: skip
UNNEEDED = {
    f"{SITE}/shop/bell.h": HEADERS, f"{SITE}/shop/bell.pxd": HEADERS, f"{INCLUDE}/shop/shop.hpp": HEADERS,
    f"{SITE}/shop/fast.pyx": SOURCES, f"{SITE}/shop/fast.c": SOURCES, f"{SITE}/shop/ring.pyx.in": SOURCES,
    f"{SITE}/shop/solve.f90": SOURCES, f"{SITE}/shop/libshop.a": LIBRARIES, f"{SITE}/shop/__init__.pyi": STUBS,
}  # fmt: skip


def find(folder: Path, files: dict[str, str | bytes], name: str = "shop") -> dict[str, str]:
    with open_installation(wheel(folder, "shop", files=files), SCHEME) as installation:
        return find_unneeded(installation, SCHEME, name)


def test_files_are_told_by_kind(tmp_path: Path) -> None:
    """Headers, sources, static libraries and stubs go; what a program or a person reads stays."""
    assert find(tmp_path, {**FILES, "shop/tests/test_a.py": ""}) == {**UNNEEDED, f"{SITE}/shop/tests/test_a.py": TESTS}


def test_without_an_extension_module_sources_are_data(tmp_path: Path) -> None:
    """A pure package has headers and sources because it does something with them."""
    files = {name: text for name, text in FILES.items() if not name.endswith(".so")}
    assert find(tmp_path, files) == {f"{SITE}/shop/__init__.pyi": STUBS}


@pytest.mark.parametrize("name", ["bell.h", "fast.c", "ring.pyx.in", "libshop.a"])
def test_a_file_that_a_module_names_stays(tmp_path: Path, name: str) -> None:
    """As triton has it, which compiles its `driver.c` at the first call."""
    files = {**FILES, "shop/build.py": f"SOURCE = open('{name}').read()\n"}
    assert find(tmp_path, files) == {path: kind for path, kind in UNNEEDED.items() if path != f"{SITE}/shop/{name}"}


@pytest.mark.parametrize(
    "source",
    ["import lazy_loader\nlazy_loader.attach_stub(__name__, __file__)", "x = [n.endswith('.pyi') for n in names]"],
)  # fmt: skip
def test_stubs_that_are_read_stay(tmp_path: Path, source: str) -> None:
    """`lazy_loader` takes a package's names from its stub; what checks types reads those of others."""
    files = {**FILES, "shop/lazy.py": source}
    assert find(tmp_path, files) == {path: kind for path, kind in UNNEEDED.items() if kind != STUBS}


def test_what_only_tests_name_goes(tmp_path: Path) -> None:
    """A mention in a test keeps nothing, as the test is gone."""
    files = {**FILES, "shop/tests/test_a.py": "open('../bell.h')"}
    assert f"{SITE}/shop/bell.h" in find(tmp_path, files)


def test_packages_that_compile_keep_what_a_compiler_reads(tmp_path: Path) -> None:
    """Torch keeps headers, sources and libraries, and loses its tests and stubs."""
    lost = find(tmp_path, {**FILES, "shop/tests/test_a.py": ""}, "torch")
    assert set(lost.values()) == {TESTS, STUBS}


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("numpy", ()), ("pandas", ()), ("pyarrow", ()), ("scikit-learn", ()), ("torch", (HEADERS, SOURCES, LIBRARIES)),
        ("nvidia-cuda-runtime-cu12", (HEADERS, SOURCES, LIBRARIES, SYMBOLS)),
        ("cupy-cuda12x", (HEADERS, SOURCES, LIBRARIES)), ("types-requests", (STUBS,)), ("ziglang", KINDS),
    ],
)  # fmt: skip
def test_the_table_of_exceptions(name: str, kinds: tuple[str, ...]) -> None:
    """Names are matched whole, with a star for any ending."""
    assert list_kept_kinds(name) == set(kinds)


@pytest.mark.parametrize("name", ["shop", "mkl-service"])
def test_shared_libraries_are_measured_without_their_symbols(tmp_path: Path, name: str) -> None:
    """By name, with or without a version behind it; other files, and packages that keep theirs, are passed over."""
    library = Path(httptools.parser.parser.__file__).read_bytes()
    saved = len(library) - len(strip_symbols(library))
    assert saved > 0
    content = {"shop/fast.so": library, "shop/libshop.so.1.2": library, "shop/fast.bin": library, "shop/empty.so": b""}
    with open_installation(wheel(tmp_path, "shop", files=content), SCHEME) as installation:
        rows = measure_symbols(installation, name)
    names = () if name == "mkl-service" else ("fast.so", "libshop.so.1.2")
    assert rows == [(f"{SITE}/shop/{name}", SYMBOLS, saved) for name in names]

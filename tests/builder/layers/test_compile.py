"""Bytecode: the same bytes in any company and order, in parallel or not, by each available Python."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.standins import VERSIONS, interpreter
from tests.wheels import Target, Wheel, wheel

from ovenbird_builder.layers import InstallScheme, bytecode

SITE = "/usr/lib/python3/site-packages"
SCHEME = InstallScheme(SITE, SITE, "/usr/bin", "/usr", "/usr/include", "/usr/bin/python3")
PYTHONS = [sys.executable, *(str(prefix / "bin" / "python3") for v in VERSIONS if (prefix := interpreter(v)))]
_ABOUT = """
import importlib.util, json, platform
print(json.dumps([platform.python_version(), importlib.util.MAGIC_NUMBER.hex()]))
"""


def make_library(folder: Path, name: str, modules: tuple[str, ...]) -> Wheel:
    """Return a wheel of real code: modules of this Python's own library."""
    root = Path(json.__file__).parent.parent
    files = {f"{name}/{path.name}": path.read_bytes() for module in modules for path in sorted(root.glob(module))}
    return wheel(folder, name, files={**files, f"{name}/template.py": "{% not python %}"})


def compile_wheels(folder: Path, python: str, wheels: list[Wheel], jobs: int) -> dict[str, str]:
    """Return the digest of the bytecode of each source by its path."""
    version, magic = json.loads(subprocess.run([python, "-c", _ABOUT], capture_output=True, check=True).stdout)
    for name in ("in", "out"):
        (folder / name).mkdir(parents=True)
    paths = [bytecode._write_sources(folder / "in", number, wheel, SCHEME) for number, wheel in enumerate(wheels)]
    command = [python, "-S", "-s", "-B", "-c", bytecode._SCRIPT, str(folder), str(jobs), version, magic]
    subprocess.run(command, env=bytecode._ENV, check=True)
    digests = {}
    for number, listed in enumerate(paths):
        for path, data in bytecode._read_results(listed, folder / "out", number):
            assert data[:4].hex() == magic
            assert data[4] == 1, "the hash is not unchecked"
            digests[path] = hashlib.sha256(data).hexdigest()
    return digests


@pytest.mark.slow
@pytest.mark.parametrize("python", PYTHONS)
def test_bytecode_does_not_depend_on_what_else_is_compiled(tmp_path: Path, python: str) -> None:
    """One job or two, this order or that one, alone or with other wheels: each file has the same bytes."""
    apple = make_library(tmp_path, "one", ("a*.py", "c*.py", "d*.py"))
    plum = make_library(tmp_path, "two", ("t*.py", "s*.py", "p*.py"))
    first = compile_wheels(tmp_path / "1", python, [apple, plum], 1)
    assert len(first) > 80
    assert compile_wheels(tmp_path / "2", python, [plum, apple], 2) == first
    alone = compile_wheels(tmp_path / "3", python, [plum], 3)
    assert alone == {path: digest for path, digest in first.items() if path in alone}
    assert not [path for path in first if path.endswith("template.py")]


def test_the_path_in_the_image_is_in_the_bytecode(tmp_path: Path) -> None:
    """A traceback has the path in the image, not the path of the compilation."""
    small_wheel = wheel(tmp_path, "one", files={"one.py": "def f(): pass\n"})
    compile_wheels(tmp_path / "1", sys.executable, [small_wheel], 1)
    content = (tmp_path / "1" / "out" / "00000-00000").read_bytes()
    assert f"{SITE}/one.py".encode() in content
    assert str(tmp_path).encode() not in content


def test_the_tests_of_a_package_are_not_compiled(tmp_path: Path) -> None:
    """No function imports them, and they are half of the large packages; a package that is called so is one."""
    names = ("a/tests/x.py", "a/b/test/y.py", "tests/z.py", "a/testing.py", "a/tests.py")
    digests = compile_wheels(
        tmp_path / "1", sys.executable, [wheel(tmp_path, "one", files=dict.fromkeys(names, ""))], 1
    )
    assert sorted(digests) == [f"{SITE}/a/testing.py", f"{SITE}/a/tests.py", f"{SITE}/tests/z.py"]


def test_bytecode_is_shared_by_architectures_and_not_by_versions(tmp_path: Path) -> None:
    """Bytecode of x86 serves arm64 of the same Python; another patch version or free threading does not."""
    small_wheel = wheel(tmp_path, "one")
    abis = ("cpython-312-x86_64-linux-gnu", "cpython-312-aarch64-linux-gnu", "cpython-312t-x86_64-linux-gnu")
    x86, arm, free = (bytecode.compute_bytecode_key(small_wheel, SCHEME, Target(soabi=abi)) for abi in abis)
    assert x86 == arm
    assert x86 != free
    assert x86 != bytecode.compute_bytecode_key(small_wheel, SCHEME, Target(version="3.12.2"))


def test_another_python_is_refused(tmp_path: Path) -> None:
    """The script ends with a special status when it is run by another Python than requested."""
    command = [sys.executable, "-c", bytecode._SCRIPT, str(tmp_path), "1", "3.99.0", importlib.util.MAGIC_NUMBER.hex()]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == bytecode._UNFIT
    assert "not 3.99.0" in process.stderr

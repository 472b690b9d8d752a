"""Odd wheels are installed as pip installs them: each is compared with what a real pip writes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import zstandard
from tests.wheels import Wheel, wheel

from ovenbird_builder.layers import InstallScheme
from ovenbird_builder.layers.tar_writer import TarWriter
from ovenbird_builder.layers.wheel import open_installation

Files = dict[str, bytes]
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


def install_by_us(wheel: Wheel) -> Files:
    """Return the files of our layer by path below /usr, for the interpreter of this machine."""
    site = f"/usr/lib/{_PYTHON}/site-packages"
    scheme = InstallScheme(site, site, "/usr/bin", "/usr", f"/usr/include/{_PYTHON}", sys.executable)
    out = io.BytesIO()
    tar = TarWriter(out, "zstd")
    with open_installation(wheel, scheme) as installation:
        installation.write(tar)
    tar.close()
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(out.getvalue())
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        return drop_installer(
            {i.name.removeprefix("usr/"): archive.extractfile(i).read() for i in archive if i.isreg()}
        )


def install_by_pip(wheel: Wheel, prefix: Path) -> Files:
    """Install by pip below a prefix and return the files."""
    command = [
        sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-compile", "--quiet",
        "--ignore-installed", "--no-warn-script-location", "--disable-pip-version-check", f"--prefix={prefix}",
        str(wheel.path),
    ]  # fmt: skip
    environ = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": "/dev/null"}
    process = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert process.returncode == 0, process.stderr
    return drop_installer({str(p.relative_to(prefix)): p.read_bytes() for p in prefix.rglob("*") if p.is_file()})


def drop_installer(files: Files) -> Files:
    """Return the files without what names the installer; of a made script only what it imports."""
    own = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json")
    shortened = {}
    for path, content in files.items():
        lines = [line for line in content.splitlines() if line.startswith(b"from ")]
        shortened[path] = lines[0] if path.startswith("bin/") and b"sys.exit" in content else content
    return {path: content for path, content in shortened.items() if not path.endswith(own)}


SHOP = {"shop/__init__.py": ""}
ENTRY = "shop-1.0.dist-info/entry_points.txt"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Shop-1.0.data/scripts/ring": "#!/bin/sh\n", "Shop-1.0.data/data/etc/a": "a",
          "shop-1.data/purelib/bell.py": "x = 1\n"}, {"bin/ring": b"#!/bin/sh\n", "etc/a": b"a"}),
        ({ENTRY: "[console_scripts]\nring = shop:main\n", "shop-1.0.data/scripts/ring": "#!python\nold\n",
          "shop-1.0.data/scripts/ring-script.py": "#!python\nold\n", "shop-1.0.data/scripts/other": "#!/bin/sh\n"},
         {"bin/ring": b"from shop import main", "bin/other": b"#!/bin/sh\n"}),
        ({ENTRY: "[console_scripts]\nring = shop:first\n# ring = shop:no\nring = shop:second\n"},
         {"bin/ring": b"from shop import second"}),
        ({ENTRY: "[console_scripts]\na = shop:a\n[x]\na = 1\na = 2\n[console_scripts]\nb=shop:b\n[gui_scripts]\n"
          "c = shop:c [x]\n"}, {"bin/a": b"from shop import a", "bin/b": b"from shop import b"}),
    ],
    ids=["data-folder", "script-twice", "key-twice", "section-twice"],
)  # fmt: skip
def test_an_odd_wheel_is_installed_as_by_pip(files: dict[str, str], expected: dict[str, bytes], tmp_path: Path) -> None:
    """A `.data` folder of another spelling, a script that is an entry point too, a key or a section twice."""
    shop = wheel(tmp_path / "wheels", "shop", files={**SHOP, **files})
    installed = install_by_us(shop)
    assert installed == install_by_pip(shop, tmp_path / "prefix")
    assert {path: installed.get(path) for path in expected} == expected

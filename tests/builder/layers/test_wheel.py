"""Wheels installed into a tar: what any installer would write, and nothing outside of its place."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard
from tests.wheels import Wheel, wheel

from ovenbird_builder.errors import LayerError
from ovenbird_builder.layers import InstallScheme
from ovenbird_builder.layers.tar_writer import TarWriter
from ovenbird_builder.layers.wheel import InstalledFile, list_contents, open_installation

SITE = "/usr/local/lib/python3.12/site-packages"
SCHEME = InstallScheme(
    SITE, SITE, "/usr/local/bin", "/usr/local", "/usr/local/include/python3.12", "/usr/local/bin/python3.12"
)


def read_wheel_tar(wheel: Wheel, more: tuple[InstalledFile, ...] = ()) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    """Return the files in the tar of a wheel."""
    out = io.BytesIO()
    tar = TarWriter(out, "zstd")
    with open_installation(wheel, SCHEME) as installation:
        installation.with_bytecode(more, SCHEME, "cpython-312").write(tar)
    tar.close()
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(out.getvalue())
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        return {"/" + i.name: (i, archive.extractfile(i).read()) for i in archive if i.isreg()}


def test_every_part_of_a_wheel_is_installed(tmp_path: Path) -> None:
    """Modules, console scripts, other scripts, data and headers are installed by the target's scheme."""
    shop = wheel(
        tmp_path, "shop-bell",
        files={
            "shop/__init__.py": "x = 1\n", "shop/tool": "#!/bin/sh\n",
            "shop_bell-1.0.data/scripts/ring": "#!python\nprint(1)\n",
            "shop_bell-1.0.data/scripts/shell": "#!/bin/sh\n",
            "shop_bell-1.0.data/data/etc/shop.conf": "a", "shop_bell-1.0.data/headers/shop.h": "h",
            "shop_bell-1.0.data/platlib/shop/fast.so": b"\0",
        },
        executable=("shop/tool",), scripts={"shop": "shop.cli:main"},
    )  # fmt: skip
    files = read_wheel_tar(shop)
    assert files["/usr/local/bin/ring"][1] == b"#!/usr/local/bin/python3.12\nprint(1)\n"
    assert files["/usr/local/bin/shell"][1] == b"#!/bin/sh\n"
    assert files["/usr/local/bin/shop"][1].startswith(b"#!/usr/local/bin/python3.12\n")
    assert b"from shop.cli import main" in files["/usr/local/bin/shop"][1]
    assert files["/usr/local/etc/shop.conf"][1] == b"a"
    assert files["/usr/local/include/python3.12/shop-bell/shop.h"][1] == b"h"
    assert files[f"{SITE}/shop/fast.so"][1] == b"\0"
    assert files[f"{SITE}/shop_bell-1.0.dist-info/INSTALLER"][1] == b"ovenbird\n"
    assert f"{SITE}/shop_bell-1.0.dist-info/direct_url.json" not in files
    executable = {path for path, (info, _) in files.items() if info.mode == 0o755}
    assert executable == {f"/usr/local/bin/{name}" for name in ("ring", "shell", "shop")} | {f"{SITE}/shop/tool"}


def test_the_record_lists_every_written_file(tmp_path: Path) -> None:
    """Each file is in RECORD with the digest that it has in the image, bytecode without one, as pip has it."""
    shop = wheel(tmp_path, "shop", files={"shop/a,b.py": "x", "shop-1.0.data/scripts/s": "#!python\n"})
    pyc = InstalledFile(f"{SITE}/shop/__pycache__/a,b.cpython-312.pyc", 3, b"abc")
    files = read_wheel_tar(shop, (pyc,))
    rows = list(csv.reader(files[f"{SITE}/shop-1.0.dist-info/RECORD"][1].decode().splitlines()))
    assert rows == sorted(rows)
    records = {str(Path(f"{SITE}/{row[0]}").absolute()).replace("/x/../", "/"): row for row in rows}
    assert len(records) == len(files)
    for name, digest, size in rows:
        path = str((Path(SITE) / name).parent.joinpath(Path(name).name))
        path = path.replace(f"{SITE}/../../../bin", "/usr/local/bin")
        data = files[path][1]
        if name.endswith((".pyc", "/RECORD")):
            assert (digest, size) == ("", "")
        else:
            text = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={text}", str(len(data)))


def test_bytecode_that_a_wheel_brings_is_left_out(tmp_path: Path) -> None:
    """Its source is unknown."""
    shop = wheel(tmp_path, "shop", files={"shop.py": "", "__pycache__/shop.cpython-312.pyc": b"evil"})
    assert not [path for path in read_wheel_tar(shop) if path.endswith(".pyc") and "/.wh." not in path]


def test_bytecode_of_another_file_is_hidden_below_a_source_without(tmp_path: Path) -> None:
    """A template has no bytecode, so that of another wheel or the base would run instead; tests have none."""
    shop = wheel(tmp_path, "shop", files={"shop/a.py": "{{ x }}", "shop/tests/b.py": "", "c.txt": ""})
    hidden = [path for path in read_wheel_tar(shop) if "/.wh." in path]
    assert hidden == [f"{SITE}/shop/__pycache__/.wh.a.cpython-312.pyc"]
    own = InstalledFile(f"{SITE}/shop/__pycache__/a.cpython-312.pyc", 1, b"x")
    assert not [path for path in read_wheel_tar(shop, (own,)) if "/.wh." in path]


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "shop/../../evil.py",
        "/etc/evil",
        "shop-1.0.data/scripts/../../../evil",
        "shop-1.0.data/data/../../etc/passwd",
        "shop-1.0.data/nowhere/evil",
        "a\\..\\evil",
    ],
)
def test_a_wheel_that_tries_to_leave_is_refused(tmp_path: Path, name: str) -> None:
    """No member of a wheel is written outside of its scheme."""
    with pytest.raises(LayerError, match="cannot be installed"):
        read_wheel_tar(wheel(tmp_path, "shop", files={name: "x"}))


def test_an_entry_point_that_tries_to_leave_is_refused(tmp_path: Path) -> None:
    """The name of a console script is no path."""
    with pytest.raises(LayerError, match="would leave"):
        read_wheel_tar(wheel(tmp_path, "shop", scripts={"../../etc/cron.d/evil": "shop:main"}))


def test_a_broken_wheel_is_named(tmp_path: Path) -> None:
    """A file that is no archive, and one whose content does not fit its checksum, end with the wheel's name."""
    shop = wheel(tmp_path, "shop", files={"shop.py": "x" * 5000})
    with zipfile.ZipFile(shop.path) as archive:
        offset = archive.getinfo("shop.py").header_offset
    data = bytearray(shop.path.read_bytes())
    data[offset + 30 + len("shop.py") + 3] ^= 0xFF
    shop.path.write_bytes(data)
    with pytest.raises(LayerError, match=r"shop-1\.0-py3-none-any\.whl"):
        read_wheel_tar(shop)
    shop.path.write_bytes(b"nothing")
    with pytest.raises(LayerError, match=r"shop-1\.0-py3-none-any\.whl"):
        read_wheel_tar(shop)
    with pytest.raises(LayerError, match=r"shop-1\.0-py3-none-any\.whl"):
        list_contents(shop.path)

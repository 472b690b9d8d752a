"""Slim layers: other keys than plain ones, the same bytes each time, and what is left out is known before."""

from __future__ import annotations

import base64
import csv
import hashlib
import tarfile
from pathlib import Path

import httptools.parser.parser
import pytest
import zstandard
from tests.wheels import Target, Wheel, wheel

from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.layers import make_scheme
from ovenbird_builder.layers.bytecode import compute_bytecode_key
from ovenbird_builder.layers.elf import strip_symbols
from ovenbird_builder.layers.slim import SlimRules, list_left_out, measure_left_out
from ovenbird_builder.layers.wheel_layers import WheelSet, compute_layer_key, make_wheel_layers

TARGET = Target()
SCHEME = make_scheme(TARGET)
SITE = SCHEME.purelib
FILES = {
    "shop/__init__.py": "x = 1\n", "shop/conftest.py": "y = 2\n", "shop/__init__.pyi": "x: int\n",
    "shop/tests/__init__.py": "", "shop/tests/test_shop.py": "import shop\n", "shop/data.txt": "a\n",
}  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Wheel:
    return wheel(tmp_path, "shop", files=FILES)


def compile_nothing(shop: Wheel, cache: LayerCache) -> None:
    """Keep bytecode of the package's modules, as a container would have made it."""
    import zipfile

    with cache.open_draft() as draft:
        with zipfile.ZipFile(draft, "w") as archive:
            for name in ("__init__", "conftest"):
                archive.writestr(zipfile.ZipInfo(f"{SITE[1:]}/shop/__pycache__/{name}.cpython-312.pyc"), b"code")
        cache.remember(compute_bytecode_key(shop, SCHEME, TARGET), draft, "application/zip", "bytecode")


def make_layer(shop: Wheel, cache: LayerCache, slim: SlimRules | None) -> tuple[str, dict[str, bytes]]:
    """Return the digest of the layer, and its files."""
    compile_nothing(shop, cache)
    (layer,) = make_wheel_layers(WheelSet([shop], TARGET, "sha256:0", slim=slim), "no image is asked", cache)
    with (
        cache.locate_blob(layer.digest).open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        return layer.digest, {f"/{info.name}": tar.extractfile(info).read() for info in tar if info.isreg()}


def test_a_slim_layer_has_neither_the_files_nor_their_rows(shop: Wheel, cache: LayerCache) -> None:
    """Files, their bytecode and their rows in RECORD are gone; the others are as in a plain layer."""
    _, plain = make_layer(shop, cache, None)
    _, slim = make_layer(shop, cache, SlimRules())
    left_out = {f"{SITE}/{name}" for name in FILES if name not in ("shop/__init__.py", "shop/data.txt")}
    assert list_left_out(shop, SCHEME, cache) == left_out
    assert set(plain) - set(slim) == left_out | {f"{SITE}/shop/__pycache__/conftest.cpython-312.pyc"}
    record = f"{SITE}/shop-1.0.dist-info/RECORD"
    assert {row[0] for row in csv.reader(slim[record].decode().splitlines())} == {
        name[len(SITE) + 1 :] for name in slim
    }
    assert all(slim[path] == plain[path] for path in slim if path != record)


def test_a_library_has_no_symbols_in_a_slim_layer(tmp_path: Path, cache: LayerCache) -> None:
    """It stays, RECORD has its new digest, and the bytes that it saves count, though no file is left out."""
    library = Path(httptools.parser.parser.__file__).read_bytes()
    package = wheel(tmp_path, "shop", files={"shop/__init__.py": "", "shop/fast.so": library})
    path = f"{SITE}/shop/fast.so"
    _, plain = make_layer(package, cache, None)
    _, slim = make_layer(package, cache, SlimRules())
    assert (plain[path], slim[path]) == (library, strip_symbols(library))
    digest = base64.urlsafe_b64encode(hashlib.sha256(slim[path]).digest()).rstrip(b"=").decode()
    rows = csv.reader(slim[f"{SITE}/shop-1.0.dist-info/RECORD"].decode().splitlines())
    assert ["shop/fast.so", f"sha256={digest}", str(len(slim[path]))] in rows
    saved = len(library) - len(slim[path])
    (row,) = measure_left_out([package], SlimRules(), SCHEME, cache)
    assert (row.files, row.size, row.kinds) == (0, saved, {"symbols": [0, saved]})
    assert saved > 0
    assert list_left_out(package, SCHEME, cache) == set()


def test_keys_tell_slim_layers_from_plain_ones(shop: Wheel, cache: LayerCache) -> None:
    """A package that keeps its files has the layer that it always had; the same rules give the same bytes."""
    keys = [
        compute_layer_key([shop], SCHEME, TARGET, "zstd", rules)
        for rules in (None, SlimRules(), SlimRules(("shop",)), SlimRules(("bell",)))
    ]
    assert keys[0] == keys[2] != keys[1] == keys[3]
    other = LayerCache(cache.root.parent / "other")
    assert make_layer(shop, cache, SlimRules())[0] == make_layer(shop, other, SlimRules())[0]
    other.close()


def test_what_is_left_out_is_measured_by_kind(shop: Wheel, cache: LayerCache, tmp_path: Path) -> None:
    """Files and bytes of each package that loses any; the second time no wheel is read."""
    plain = wheel(tmp_path, "plain", files={"plain.py": ""})
    rows = measure_left_out([shop, plain], SlimRules(), SCHEME, cache)
    size = sum(len(FILES[name]) for name in FILES if name not in ("shop/__init__.py", "shop/data.txt"))
    assert [(row.name, row.files, row.size) for row in rows] == [("shop", 4, size)]
    assert rows[0].describe()["kinds"] == {
        "stubs": {"files": 1, "bytes": len(FILES["shop/__init__.pyi"])},
        "tests": {"files": 3, "bytes": size - len(FILES["shop/__init__.pyi"])},
    }
    shop.path.unlink()
    assert measure_left_out([shop], SlimRules(), SCHEME, cache) == rows
    assert measure_left_out([shop], SlimRules(("shop",)), SCHEME, cache) == ()
    assert measure_left_out([shop], None, SCHEME, cache) == ()

"""Bundles that are damaged, of another kind or hostile: refused before anything of them is used."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from tests.orchard import wheel
from tests.refusals import succeeds
from tests.toml_mutations import VALUES, paths

from ovenbird.errors import OvenbirdError
from ovenbird_builder.bundle_archive import is_bundle, open_bundle
from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.errors import BuildRequestError, DigestError
from ovenbird_builder.locking.wheelhouse import Wheelhouse
from ovenbird_builder.sources.tree_digest import hash_tree

DIGEST = "sha256:" + "0" * 64
BLOB, MAIN = b"a layer of the base", b"def handler():\n    return 1\n"


def compute_digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Parts:
    """The parts of a bundle, to be changed by a test and packed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tree").mkdir()
        (folder / "tree" / "main.py").write_bytes(MAIN)
        kiwi = wheel(folder, "kiwi", "1.0")
        self.wheel = kiwi.read_bytes()
        self.about: dict[str, Any] = {
            "version": 1,
            "given": {"python": "3.12", "requirement": ["kiwi"], "base": "b"},
            "files": {"constraints": ["files/constraints-0"]},
            "source": {
                "uri": "git+https://h/r",
                "revision": "c" * 40,
                "digest": hash_tree(folder / "tree"),
                "epoch": 7,
            },
            "bases": [{"name": "b", "platform": "linux/amd64", "digest": DIGEST, "manifest": DIGEST}],
            "answers": {"key": {"filename": kiwi.name, "sha256": compute_digest(self.wheel)}},
        }
        self.files: dict[str, bytes] = {
            "function.yaml": b"{}",
            "files/constraints-0": b"kiwi<2\n",
            "source/main.py": MAIN,
            f"blobs/{compute_digest(BLOB)}": BLOB,
            f"wheels/{compute_digest(self.wheel)}/{kiwi.name}": self.wheel,
        }

    def pack(self, **links: str) -> Path:
        path = self.folder / "app.bundle"
        content: Mapping[str, bytes] = {"bundle.json": json.dumps(self.about).encode(), **self.files}
        with tarfile.open(path, "w") as tar:
            for name, data in content.items():
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(data), 0o644
                tar.addfile(info, io.BytesIO(data))
            for name, target in links.items():
                info = tarfile.TarInfo(f"source/{name}")
                info.type, info.linkname = tarfile.SYMTYPE, target
                tar.addfile(info)
        return path


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


@pytest.fixture
def cache(tmp_path: Path) -> LayerCache:
    return LayerCache(tmp_path / "cache")


def test_a_complete_bundle_is_unpacked(parts: Parts, cache: LayerCache) -> None:
    """Base and wheels go to the cache, the source to a temporary folder; flags of the call win."""
    with open_bundle(parts.pack(), cache) as bundle:
        assert (bundle.tree.path / "main.py").read_bytes() == MAIN
        assert (bundle.tree.uri, bundle.tree.revision, bundle.tree.epoch) == ("git+https://h/r", "c" * 40, 7)
        options = bundle.merge_flags({"python": "3.13", "requirement": (), "constraints": (), "tag": ("t:1",)})
        assert (options["python"], options["requirement"], options["tag"]) == ("3.13", ("kiwi",), ("t:1",))
        assert Path(options["constraints"][0]).read_bytes() == b"kiwi<2\n"
        assert options["target"] == str(bundle.document)
    assert not bundle.document.exists()
    assert cache.read(f"sha256:{compute_digest(BLOB)}") == BLOB
    house = Wheelhouse(cache.root)
    assert house.find(compute_digest(parts.wheel)) is not None
    assert house.recall("key")["sha256"] == compute_digest(parts.wheel)


@pytest.mark.parametrize("part", ["blobs", "wheels", "source"])
def test_a_damaged_part_is_refused_by_its_digest(parts: Parts, cache: LayerCache, part: str) -> None:
    """One byte that is another; what is damaged is not in the cache by the name that it claimed."""
    name = next(name for name in parts.files if name.startswith(part))
    data = parts.files[name]
    parts.files[name] = data[:-1] + bytes([data[-1] ^ 1])
    with pytest.raises(DigestError, match="damaged"), open_bundle(parts.pack(), cache):
        raise AssertionError("it was taken")
    if part == "blobs":
        assert not cache.locate_blob(f"sha256:{compute_digest(BLOB)}").exists()
    if part == "wheels":
        assert Wheelhouse(cache.root).find(compute_digest(parts.wheel)) is None


def test_a_bundle_of_another_version_is_refused(parts: Parts, cache: LayerCache) -> None:
    """The error says how to make one of this version."""
    parts.about["version"] = 2
    with (
        pytest.raises(BuildRequestError, match="another version of Ovenbird") as caught,
        open_bundle(parts.pack(), cache),
    ):
        raise AssertionError("it was taken")
    assert caught.value.hint == "`ovenbird bundle` writes it anew"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../outside"])
def test_a_bundle_with_an_outside_link_is_refused(parts: Parts, cache: LayerCache, target: str) -> None:
    """A link in its source that leads out."""
    with (
        pytest.raises(BuildRequestError, match="not a bundle that can be read"),
        open_bundle(parts.pack(link=target), cache),
    ):
        raise AssertionError("it was taken")


def test_a_bundle_that_writes_outside_is_refused(parts: Parts, cache: LayerCache, tmp_path: Path) -> None:
    """Nothing is written there."""
    parts.files["../../../evil"] = b"x"
    with pytest.raises(BuildRequestError, match="not a bundle that can be read"), open_bundle(parts.pack(), cache):
        raise AssertionError("it was taken")
    assert not list(tmp_path.rglob("evil"))


def test_a_truncated_bundle_is_refused(parts: Parts, cache: LayerCache) -> None:
    """As after a copy that broke off: in the middle of an entry, or between two, which looks like an end."""
    path = parts.pack()
    with tarfile.open(path) as tar:
        ends = [info.offset for info in tar.getmembers()]
        end = tar.offset
    data = path.read_bytes()
    for cut in (*ends, end, 100, ends[-1] + 600):
        path.write_bytes(data[:cut])
        with pytest.raises(BuildRequestError, match="not a bundle that can be read"), open_bundle(path, cache):
            raise AssertionError(f"it was taken, cut at {cut}")
    assert not (cache.root / "wheels").exists()


def test_a_target_is_a_bundle_by_its_first_entry(parts: Parts, tmp_path: Path) -> None:
    """Not another tar, no other file, no folder; what is named as source or document never is."""
    path = parts.pack()
    assert is_bundle(str(path))
    for name in ("main.py", "function.yaml"):
        (tmp_path / name).write_bytes(path.read_bytes())
        assert not is_bundle(str(tmp_path / name))
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("readme"))
    (tmp_path / "empty").touch()
    for name in ("other.tar", "empty", "tree", "nothing"):
        assert not is_bundle(str(tmp_path / name))


@pytest.mark.slow
def test_every_field_may_be_anything(parts: Parts, cache: LayerCache) -> None:
    """Every field of bundle.json with every JSON type: an error of the request, and no outside file is changed."""
    document = parts.about

    def take() -> None:
        with open_bundle(parts.pack(), cache) as bundle:
            assert all(
                Path(text).is_relative_to(bundle.document.parent) for text in bundle.flags.get("constraints", ())
            )

    for path in paths(document):
        for value in (*VALUES, None, "../../../../x", "/etc/passwd", "sha256:" + "f" * 64):
            if isinstance(value, (datetime.date, datetime.time)) or value != value:
                continue
            parts.about = deepcopy(document)
            section: Any = parts.about
            for key in path[:-1]:
                section = section[key]
            section[path[-1]] = value
            succeeds(take, f"{path} = {value!r:.60}", 65, *range(20, 30))


@pytest.mark.parametrize("name", ["blobs/x", "blobs/" + "0" * 63, "blobs/" + "0" * 64 + "/x", "wheels/x/y.whl"])
def test_a_name_that_is_no_digest_is_refused(parts: Parts, cache: LayerCache, name: str) -> None:
    parts.files[name] = b"x"
    with (
        pytest.raises(OvenbirdError, match=r"is not a digest|damaged|not the name of a wheel"),
        open_bundle(parts.pack(), cache),
    ):
        raise AssertionError("it was taken")


@pytest.mark.parametrize("key", ["../../evil", "/tmp/evil", "a/b", "", ".hidden", "x" * 300, "a\0b"])
def test_an_answer_stays_in_the_cache(parts: Parts, cache: LayerCache, tmp_path: Path, key: str) -> None:
    """Its key is the name of a file."""
    parts.about["answers"] = {key: {"sha256": "0" * 64}}
    with pytest.raises(BuildRequestError, match="not a bundle that can be read"), open_bundle(parts.pack(), cache):
        raise AssertionError("it was taken")
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("name", ["secret", "push", "authfile", "index_url", "allow_host", "ca_bundle", "cache_dir"])
def test_a_bundle_gives_no_flag_that_reaches_this_machine(parts: Parts, cache: LayerCache, name: str) -> None:
    """A bundle decides what is built, and neither which local files are read nor the destination."""
    parts.about["given"][name] = ["A=/etc/passwd"]
    with pytest.raises(BuildRequestError, match=f"unknown settings '{name}'"), open_bundle(parts.pack(), cache):
        raise AssertionError("it was taken")


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 2000, b"\x1f\x8b" + b"x" * 99, b"BZh9" + b"x" * 99, b"\xfd7zXZ\0" + b"x" * 99, b"x" * 700]
)
def test_a_file_that_is_no_bundle(tmp_path: Path, cache: LayerCache, content: bytes) -> None:
    path = tmp_path / "x.bundle"
    path.write_bytes(content)
    assert not is_bundle(str(path))
    with pytest.raises(BuildRequestError, match="not a bundle that can be read"), open_bundle(path, cache):
        raise AssertionError("it was taken")
    for name in ("\0", "x" * 300, "x/" * 3000):
        assert not is_bundle(name)

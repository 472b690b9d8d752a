"""The normalised changes of a step: the same changes give the same tar, and bytecode stays valid."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from ovenbird_builder.build.layer_diff import list_changed_sources, normalise_layer
from ovenbird_builder.errors import LayerError

CLAMP = 1_600_000_000


class EntryRecorder:
    """Keeps the entries that a tar would get."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[tarfile.TarInfo, bytes]] = {}

    def add_entry(self, info: tarfile.TarInfo, content: BinaryIO | None) -> None:
        self.rows[info.name] = (info, content.read() if content else b"")


def write_tar(path: Path, *rows: tuple[str, dict[str, Any], bytes]) -> Path:
    """Return a tar as the store makes it."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, fields, data in rows:
            info = tarfile.TarInfo(name)
            info.mtime, info.uname, info.gname, info.size = CLAMP + 1000, "somebody", "staff", len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            tar.addfile(info, io.BytesIO(data))
    return path


def normalise(tmp_path: Path, *rows: tuple[str, dict[str, Any], bytes]) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    entries = EntryRecorder()
    normalise_layer(write_tar(tmp_path / "raw", *rows), entries, CLAMP)
    return entries.rows


def test_times_owners_and_order_are_normal(tmp_path: Path) -> None:
    """Later times are clamped, earlier ones kept; numbers of owners stay, their names go; entries are sorted."""
    entries = normalise(
        tmp_path, ("b", {"uid": 5}, b"x"), ("a", {"mtime": 7.5, "pax_headers": {"atime": "1.5"}}, b"y"),
        ("a.d", {"type": tarfile.DIRTYPE}, b""), ("a/c", {}, b"z"),
    )  # fmt: skip
    assert list(entries) == ["a", "a/c", "a.d", "b"]
    assert [info.mtime for info, _ in entries.values()] == [7, CLAMP, CLAMP, CLAMP]
    assert entries["b"][0].uid == 5
    assert {info.uname for info, _ in entries.values()} == {""}
    assert entries["a"][0].pax_headers == {}


def test_our_mount_points_are_no_change_of_the_step(tmp_path: Path) -> None:
    """The empty folders that remain below them would reveal that there were secrets."""
    entries = normalise(
        tmp_path, ("run", {"type": tarfile.DIRTYPE}, b""), ("run/secrets", {"type": tarfile.DIRTYPE}, b""),
        ("run/secrets/token", {}, b""), ("run/ovenbird/ca.pem", {}, b""), ("run/secretsauce", {}, b""),
    )  # fmt: skip
    assert list(entries) == ["run", "run/secretsauce"]


def test_whiteouts_are_kept(tmp_path: Path) -> None:
    """The files that hide those of the layers below come through."""
    assert list(normalise(tmp_path, ("etc/.wh.issue", {}, b""))) == ["etc/.wh.issue"]


def test_of_hard_links_the_first_by_name_is_the_file(tmp_path: Path) -> None:
    """Whichever the storage driver met first."""
    link = {"type": tarfile.LNKTYPE, "linkname": "z"}
    entries = normalise(tmp_path, ("z", {}, b"data"), ("a", link, b""), ("m", link, b""))
    assert [(name, info.type, info.linkname, data) for name, (info, data) in entries.items()] == [
        ("a", tarfile.REGTYPE, "", b"data"), ("m", tarfile.LNKTYPE, "a", b""), ("z", tarfile.LNKTYPE, "a", b"")
    ]  # fmt: skip


def test_a_link_out_of_the_layer_is_refused(tmp_path: Path) -> None:
    """It could not be written."""
    with pytest.raises(LayerError, match="links 'a' to 'gone'"):
        normalise(tmp_path, ("a", {"type": tarfile.LNKTYPE, "linkname": "gone"}, b""))


def test_capabilities_stay(tmp_path: Path) -> None:
    """Extended attributes are content."""
    header = {"SCHILY.xattr.security.capability": "x"}
    assert normalise(tmp_path, ("ping", {"pax_headers": header}, b""))["ping"][0].pax_headers == header


@pytest.mark.parametrize(
    ("flags", "time", "source", "expected"),
    [
        (0, CLAMP + 1000, CLAMP + 1000, CLAMP),  # made by the step: follows its source
        (0, CLAMP - 5, CLAMP - 5, CLAMP - 5),  # of a package: neither is changed
        (0, CLAMP + 9, None, CLAMP + 9),  # its source lies below: that one keeps its time
        (0, CLAMP + 9, CLAMP + 1000, CLAMP + 9),  # was stale already: not made valid
        (1, CLAMP + 1000, CLAMP + 1000, CLAMP + 1000),  # by hash: this is no time
    ],
)
def test_bytecode_stays_valid(tmp_path: Path, flags: int, time: int, source: int | None, expected: int) -> None:
    """Bytecode names the time of its source; where that is clamped, it names the new one."""
    head = b"magi" + flags.to_bytes(4, "little") + time.to_bytes(4, "little") + b"size"
    rows = [("p/__pycache__/m.cpython-312.pyc", {}, head + b"code")]
    if source is not None:
        rows.append(("p/m.py", {"mtime": source}, b"text"))
    _, data = normalise(tmp_path, *rows)["p/__pycache__/m.cpython-312.pyc"]
    assert int.from_bytes(data[8:12], "little") == expected
    assert data[:8] == head[:8]
    assert data[12:] == b"sizecode"


def test_damaged_tars_are_reported(tmp_path: Path) -> None:
    """A store that gives something else is an error of its own."""
    (tmp_path / "raw").write_bytes(b"no tar at all" * 100)
    with pytest.raises(LayerError, match="not a tar"):
        normalise_layer(tmp_path / "raw", EntryRecorder(), CLAMP)


def make_bytecode(flags: int, mtime: int, size: int) -> bytes:
    """Return the header of a file of bytecode, and a little more."""
    words = (flags.to_bytes(4, "little"), mtime.to_bytes(4, "little"), size.to_bytes(4, "little"))
    return b"\xa7\r\r\n" + b"".join(words) + b"code"


def test_changed_sources_are_those_without_bytecode_of_their_own(tmp_path: Path) -> None:
    """Written, deleted, linked and hard linked ones; not those that were compiled with their time and size."""
    raw = write_tar(
        tmp_path / "raw",
        ("a/new.py", {}, b"x"), ("a/.wh.gone.py", {}, b""), ("a/other.txt", {}, b""),
        ("a/folder.py", {"type": tarfile.DIRTYPE}, b""),
        ("a/link.py", {"type": tarfile.SYMTYPE, "linkname": "new.py"}, b""),
        ("a/hard.py", {"type": tarfile.LNKTYPE, "linkname": "a/new.py"}, b""),
        ("a/fresh.py", {}, b"xy"), ("a/__pycache__/fresh.cpython-312.pyc", {}, make_bytecode(0, CLAMP + 1000, 2)),
        ("a/old.py", {}, b"xy"), ("a/__pycache__/old.cpython-312.pyc", {}, make_bytecode(0, CLAMP, 2)),
        ("a/short.py", {}, b"xy"), ("a/__pycache__/short.cpython-312.pyc", {}, make_bytecode(0, CLAMP + 1000, 3)),
        ("a/hash.py", {}, b"xy"), ("a/__pycache__/hash.cpython-312.pyc", {}, make_bytecode(1, CLAMP + 1000, 2)),
        ("a/two.py", {}, b"xy"), ("a/__pycache__/two.cpython-312.pyc", {}, make_bytecode(0, CLAMP + 1000, 2)),
        ("a/__pycache__/two.cpython-312.opt-1.pyc", {}, make_bytecode(0, 5, 2)),
    )  # fmt: skip
    names = ["gone", "hard", "hash", "link", "new", "old", "short", "two"]
    assert list_changed_sources(raw) == [f"/a/{name}.py" for name in names]


def test_a_damaged_tar_is_an_error_of_changed_sources(tmp_path: Path) -> None:
    """The store's fault is raised as an `OvenbirdError`."""
    (tmp_path / "raw").write_bytes(b"no tar" * 100)
    with pytest.raises(LayerError, match="not a tar"):
        list_changed_sources(tmp_path / "raw")

"""Layers unpacked for a check on mounted layers: files are exact, and nothing is written elsewhere."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from ovenbird_builder.build.mounted_check import _write_member


def write(folder: Path, *members: tarfile.TarInfo, content: bytes = b"text") -> list[bool]:
    """Write members of a tar below a folder, and return for each whether that was possible."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content))
    buffer.seek(0)
    with tarfile.open(fileobj=buffer) as tar:
        return [_write_member(tar, member, folder) for member in tar]


def make_member(name: str, kind: bytes = tarfile.REGTYPE, *, mode: int = 0o644, target: str = "") -> tarfile.TarInfo:
    """Return a member that belongs to the user of the test."""
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.linkname = kind, mode, target
    member.uid, member.gid = os.getuid(), os.getgid()
    return member


def test_files_folders_and_links_keep_type_and_mode(tmp_path: Path) -> None:
    """Modes are those of the layer, special bits too, and a file of a later layer takes the place of an earlier one."""
    assert all(
        write(
            tmp_path,
            make_member("/opt/bin", tarfile.DIRTYPE, mode=0o750),
            make_member("opt/bin/tool", mode=0o4755),
            make_member("opt/link", tarfile.SYMTYPE, target="/etc/passwd"),
        )
    )
    assert all(write(tmp_path, make_member("opt/link", mode=0o600), content=b"new"))
    modes = {name: (tmp_path / "opt" / name).lstat().st_mode & 0o7777 for name in ("bin", "bin/tool", "link")}
    assert modes == {"bin": 0o750, "bin/tool": 0o4755, "link": 0o600}
    assert (tmp_path / "opt" / "link").read_bytes() == b"new"
    assert not (tmp_path / "opt" / "link").is_symlink()


@pytest.mark.parametrize(
    "member",
    [
        make_member("../beside"),
        make_member("opt/../../beside"),
        make_member("opt/.wh.gone"),
        make_member("opt/device", tarfile.CHRTYPE),
        make_member("opt/hard", tarfile.LNKTYPE, target="opt/file"),
        make_member("out/beside"),
    ],
    ids=["above", "above by a folder", "whiteout", "device", "hard link", "through a link"],
)
def test_unsupported_entries_are_left_to_the_engine(tmp_path: Path, member: tarfile.TarInfo) -> None:
    """Nothing is written outside of the folder, also not through a link of a layer below."""
    folder = tmp_path / "top"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    assert write(folder, member) == [False]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["top"]

"""A tar that is not trusted is refused for what is wrong with it, in bounded memory, and before it does harm."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.hostile_tars import DAMAGED, PACKERS, TEXT, UNSAFE, Member, build, link

from ovenbird.common.archive_checks import ArchiveError, ArchiveLimits
from ovenbird.common.tar_extract import extract_tar, is_tar

LIMITS = ArchiveLimits(1024**3, 1000)


def unpack(content: bytes, folder: Path, limits: ArchiveLimits = LIMITS) -> list[str]:
    (folder / "a.tar").write_bytes(content)
    return extract_tar(folder / "a.tar", folder / "out", limits)


@pytest.mark.slow
@pytest.mark.parametrize("packer", PACKERS)
def test_each_packing_is_unpacked(packer: str, tmp_path: Path) -> None:
    """Files larger than a block, modes, links of both kinds, empty folders, names of any length, `./` before them."""
    content = os.urandom(1000) * 1000
    members = [
        Member(".", b"", tarfile.DIRTYPE),
        Member("./mod.py", content, mode=0o700),
        Member("pkg/empty", b""),
        link("pkg/link", "../mod.py"),
        link("pkg/same.py", "./mod.py", tarfile.LNKTYPE),
        Member("nothing", b"", tarfile.DIRTYPE),
        Member("/".join(["long" * 50] * 5) + "/ä.txt"),
    ]
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        folder = tmp_path / str(form)
        folder.mkdir()
        assert unpack(PACKERS[packer](build(*members, tar_format=form)), folder) == ["pkg/link"]
        assert is_tar(folder / "a.tar")
        out = folder / "out"
        assert (out / "pkg/link").read_bytes() == (out / "pkg/same.py").read_bytes() == content
        assert [(out / name).stat().st_mode & 0o777 for name in ("mod.py", "pkg/same.py", "pkg/empty")] == [
            0o755, 0o755, 0o644,
        ]  # fmt: skip
        assert (out / "pkg/empty").read_bytes() == b""
        assert list((out / "nothing").iterdir()) == []
        assert [path.read_bytes() for path in out.rglob("ä.txt")] == [TEXT]
        assert sorted(path.name for path in folder.iterdir()) == ["a.tar", "out"]


def test_what_programs_write_is_read(tmp_path: Path) -> None:
    """`tar` and `git archive`, whose commit is a header of its own."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "mod.py").write_bytes(TEXT)
    subprocess.run(["tar", "-czf", "app.tgz", "-C", "app", "."], cwd=tmp_path, check=True)
    extract_tar(tmp_path / "app.tgz", tmp_path / "one", LIMITS)
    assert (tmp_path / "one" / "mod.py").read_bytes() == TEXT
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *command], cwd=tmp_path / "app", check=True)
    command = [*git, "archive", "--prefix=app-main/", "-o", "../app.tar.gz", "HEAD"]
    subprocess.run(command, cwd=tmp_path / "app", check=True)
    extract_tar(tmp_path / "app.tar.gz", tmp_path / "two", LIMITS)
    assert [str(path.relative_to(tmp_path / "two")) for path in (tmp_path / "two").rglob("*.py")] == ["app-main/mod.py"]


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_tar(name: str, tmp_path: Path) -> None:
    """Any damage is reported as a damaged tar; false sizes never loop a reader."""
    content, words = DAMAGED[name]
    with pytest.raises(ArchiveError, match=words) as caught:
        unpack(content, tmp_path)
    assert not caught.value.unsafe


@pytest.mark.parametrize("name", UNSAFE)
def test_an_unsafe_tar(name: str, tmp_path: Path) -> None:
    """An unsafe tar is refused before any of its files is written."""
    content, words = UNSAFE[name]
    with pytest.raises(ArchiveError, match=words) as caught:
        unpack(content, tmp_path)
    assert caught.value.unsafe
    assert len(caught.value.message) < 600
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def test_the_limits_count_for_members_and_for_what_is_packed(tmp_path: Path) -> None:
    """Folders count as well, and what is no file's content cannot fill the disk either."""
    folders = [Member(str(number), b"", tarfile.DIRTYPE) for number in range(11)]
    with pytest.raises(ArchiveError, match=r"has 11 members, more than 10"):
        unpack(build(*folders), tmp_path, ArchiveLimits(1000, 10))
    with pytest.raises(ArchiveError, match=r"unpacks to 360 bytes, more than 300 bytes"):
        unpack(build(Member()), tmp_path, ArchiveLimits(300, 10))
    rest = os.urandom(100_000)
    with pytest.raises(ArchiveError, match=r"unpacks to more than 1000 bytes"):
        unpack(PACKERS["gzip"](build(Member(), end=bytes(1024) + rest)), tmp_path, ArchiveLimits(1000, 10))

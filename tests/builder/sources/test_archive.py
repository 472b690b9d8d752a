"""Zips that a stranger made."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests import hostile_tars
from tests.hostile_zips import DAMAGED, LINKS_OUT, UNSAFE

from ovenbird_builder.errors import SourceError, SourceMissingError, UnsafeSourceError

from .conftest import Fetch, read_tree


def make_zip(path: Path, *members: tuple[str, str, int], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Return a zip of members (name, text, Unix mode), whatever they are called."""
    with zipfile.ZipFile(path, "w", method) as opened:
        for name, text, mode in members:
            info = zipfile.ZipInfo(name)
            info.filename = name  # ZipInfo mends some names by itself
            info.create_system, info.external_attr, info.compress_type = 3, mode << 16, method
            opened.writestr(info, text)
    return path


def test_a_zip_is_unpacked(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Files, folders, the executable bit, a link within; not what a tree never has or .ovenbirdignore names."""
    make_zip(
        tmp_path / "app.zip", ("main.py", "x", 0o100600), ("pkg/", "", 0o40755), ("pkg/run.sh", "y", 0o100700),
        ("pkg/link", "../main.py", 0o120777), ("pkg/__pycache__/a.pyc", "z", 0o100644), (".git/config", "g", 0o100644),
        (".ovenbirdignore", "notes/\n", 0o100644), ("notes/a.txt", "n", 0o100644), ("plain", "p", 0),
    )  # fmt: skip
    tree = fetch_tree("app.zip")
    assert read_tree(tree) == {
        ".ovenbirdignore": "notes/\n", "main.py": "x", "pkg/link": ("../main.py",), "pkg/run.sh": "y", "plain": "p",
    }  # fmt: skip
    assert [(tree.path / name).stat().st_mode & 0o777 for name in ("main.py", "pkg/run.sh")] == [0o644, 0o755]
    assert tree.uri == "local"
    assert tree.revision.startswith("sha256:")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../out.py", "leaves the folder"),
        ("a/../../out.py", "leaves the folder"),
        ("..", "leaves the folder"),
        ("/tmp/out.py", "is absolute"),
        ("C:/out.py", "is absolute"),
        ("C:out.py", "is absolute"),
        ("..\\out.py", "leaves the folder"),
        ("\\out.py", "is absolute"),
        ("a//b.py", "empty part"),
        ("a\x00b.py", "control character"),
        ("a\nb.py", "control character"),
        (".wh.main.py", "deletion in an image"),
        ("a/.wh..wh..opq", "deletion in an image"),
        ("a/" * 1500 + "b", "200 folders deep"),
        ("x" * 300, "255 bytes"),
        ("/".join(["x" * 200] * 25), "4000 bytes"),
    ],
)
def test_a_member_with_a_name_that_leads_elsewhere_is_refused(
    fetch_tree: Fetch, tmp_path: Path, name: str, words: str
) -> None:
    make_zip(tmp_path / "app.zip", ("main.py", "x", 0o100644), (name.replace("\x00", "\x01"), "evil", 0o100644))
    data = (tmp_path / "app.zip").read_bytes()
    (tmp_path / "app.zip").write_bytes(data.replace(b"a\x01b.py", b"a\x00b.py"))
    with pytest.raises(UnsafeSourceError, match=words):
        fetch_tree("app.zip")
    assert not (tmp_path / "out.py").exists()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/etc/passwd", "is absolute"),
        ("../../out", "leads out"),
        ("sub/../../out", "leads out"),
        ("loop", "circle"),
        ("x" * 5000, "too long"),
        ("", "leads nowhere"),
    ],
)
def test_a_link_out_of_the_tree_is_refused(fetch_tree: Fetch, tmp_path: Path, target: str, words: str) -> None:
    make_zip(tmp_path / "app.zip", ("main.py", "x", 0o100644), ("loop", target, 0o120777))
    with pytest.raises(UnsafeSourceError, match=words):
        fetch_tree("app.zip")


def test_nothing_is_written_through_a_link(fetch_tree: Fetch, tmp_path: Path) -> None:
    """A link to a folder outside, then a file below it: extractall writes it."""
    (tmp_path / "victim").mkdir()
    make_zip(tmp_path / "app.zip", ("out", str(tmp_path / "victim"), 0o120777), ("out/evil", "x", 0o100644))
    with pytest.raises(UnsafeSourceError, match=r"'out' is both a file and a folder"):
        fetch_tree("app.zip")
    assert not list((tmp_path / "victim").iterdir())
    # a chain that leaves only when both links are there
    make_zip(tmp_path / "app.zip", ("a/b", "..", 0o120777), ("out", "a/b/../victim", 0o120777), ("m", "", 0o100644))
    with pytest.raises(UnsafeSourceError, match=r"'out' -> .* leads out"):
        fetch_tree("app.zip")


def test_special_files_are_refused(fetch_tree: Fetch, tmp_path: Path) -> None:
    for mode in (0o010644, 0o020644, 0o060644, 0o140644):
        make_zip(tmp_path / "app.zip", ("dev", "", mode))
        with pytest.raises(UnsafeSourceError, match=r"neither a file, a folder nor a link"):
            fetch_tree("app.zip")


def test_a_repeated_name_is_refused(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Readers disagree on which entry counts."""
    with pytest.warns(UserWarning, match=r"Duplicate"):
        make_zip(tmp_path / "app.zip", ("main.py", "good", 0o100644), ("main.py", "evil", 0o100644))
    with pytest.raises(UnsafeSourceError, match=r"'main.py' is in it twice"):
        fetch_tree("app.zip")


def test_an_encrypted_zip_is_refused(fetch_tree: Fetch, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "app.zip", ("main.py", "x", 0o100644))
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(UnsafeSourceError, match=r"'main.py' is encrypted"):
        fetch_tree("app.zip")


def test_a_bomb_is_refused_by_ratio_and_by_size(fetch_tree: Fetch, tmp_path: Path) -> None:
    """By the sizes of its directory; a directory with false sizes does not write more."""
    make_zip(tmp_path / "app.zip", ("main.py", "\0" * 40_000_000, 0o100644))
    with pytest.raises(UnsafeSourceError, match=r"rejected as a decompression bomb"):
        fetch_tree("app.zip")
    make_zip(tmp_path / "app.zip", ("main.py", "x" * 3000, 0o100644))
    with pytest.raises(UnsafeSourceError, match=r"unpacks to 2.9 KiB, more than 2.0 KiB"):
        fetch_tree("app.zip", OVENBIRD_SOURCE_LIMIT="2KiB")
    make_zip(tmp_path / "app.zip", *((f"f{number}", "", 0o100644) for number in range(20)))
    with pytest.raises(UnsafeSourceError, match=r"20 members, more than 10"):
        fetch_tree("app.zip", OVENBIRD_SOURCE_FILES="10")
    path = make_zip(tmp_path / "app.zip", ("main.py", "x" * 3_000_000, 0o100644))
    data = path.read_bytes().replace(struct.pack("<I", 3_000_000), struct.pack("<I", 100))
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"damaged"):
        fetch_tree("app.zip")


@pytest.mark.parametrize("cut", [10, 60, -30, -1])
def test_a_truncated_zip_is_reported(fetch_tree: Fetch, tmp_path: Path, cut: int) -> None:
    path = make_zip(tmp_path / "app.zip", ("main.py", "x" * 100, 0o100644))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(SourceError, match=r"is not a zip, or a damaged one"):
        fetch_tree("app.zip")


def test_other_files_are_reported(fetch_tree: Fetch, tmp_path: Path) -> None:
    """Text, nothing, damaged bytes within, a method that Python does not know, no member at all."""
    path = tmp_path / "app.zip"
    for data in (b"hello", b"", b"PK\x03\x04" * 100):
        path.write_bytes(data)
        with pytest.raises(SourceError, match=r"is not a zip, or a damaged one"):
            fetch_tree("app.zip")
    make_zip(path, ("main.py", "some text here", 0o100644), method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"some text", b"same text"))
    with pytest.raises(SourceError, match=r"damaged"):
        fetch_tree("app.zip")
    make_zip(path, ("main.py", "some text here", 0o100644))
    data2 = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data2[data2.index(signature) + offset] = 97
    path.write_bytes(data2)
    with pytest.raises(SourceError, match=r"cannot be unpacked"):
        fetch_tree("app.zip")
    make_zip(path)
    with pytest.raises(SourceMissingError, match=r"no file is in it"):
        fetch_tree("app.zip")


def test_a_real_program_zip_and_ours_agree(fetch_tree: Fetch, tmp_path: Path) -> None:
    """An archive of Python's own command line is read; its digest is that of the folder."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("x")
    (tmp_path / "app" / "ä.txt").write_text("ä")
    command = [sys.executable, "-m", "zipfile", "-c", "../app.zip", "main.py", "ä.txt"]
    subprocess.run(command, cwd=tmp_path / "app", check=True)
    assert fetch_tree("app.zip").digest == fetch_tree("app").digest


@pytest.mark.slow
def test_a_full_disk_leaves_nothing(fetch_tree: Fetch, tmp_path: Path, full_disk: Path) -> None:
    buffer = io.StringIO()
    buffer.write("".join(f"{number}\n" for number in range(500_000)))
    make_zip(tmp_path / "app.zip", ("main.py", buffer.getvalue(), 0o100644))
    with pytest.raises(SourceError, match=r"is full"):
        fetch_tree("app.zip", into=full_disk / "tree")


_ARCHIVES = {f"zip: {name}": row for name, row in {**DAMAGED, **UNSAFE, **LINKS_OUT}.items()} | {
    f"tar: {name}": row
    for rows in (hostile_tars.DAMAGED, hostile_tars.UNSAFE, hostile_tars.LINKS_OUT)
    for name, row in rows.items()
}


@pytest.mark.parametrize("name", _ARCHIVES)
def test_a_build_refuses_the_archives_that_a_run_refuses(fetch_tree: Fetch, tmp_path: Path, name: str) -> None:
    """The same archives, with a status of the source and in the same words."""
    content, words = _ARCHIVES[name]
    (tmp_path / f"app.{name[:3]}").write_bytes(content)
    with pytest.raises(SourceError, match=words) as caught:
        fetch_tree(f"app.{name[:3]}")
    assert 30 <= caught.value.exit_code <= 39
    damaged = name[5:] in (DAMAGED if name.startswith("zip") else hostile_tars.DAMAGED)
    assert isinstance(caught.value, UnsafeSourceError) == (not damaged or "unpacks" in str(caught.value))


def test_names_as_packers_write_them(fetch_tree: Fetch, tmp_path: Path) -> None:
    """`./main.py`, and the backslashes of Windows, also those of folders."""
    make_zip(
        tmp_path / "app.zip", ("./", "", 0o40755), ("./main.py", "x", 0o100644), ("pkg\\sub\\", "", 0),
        ("pkg\\sub\\a.py", "y", 0), (".\\pkg\\b.py", "z", 0),
    )  # fmt: skip
    assert read_tree(fetch_tree("app.zip")) == {"main.py": "x", "pkg/sub/a.py": "y", "pkg/b.py": "z"}


def test_the_single_folder_of_a_download_is_the_source(fetch_tree: Fetch, tmp_path: Path) -> None:
    """As each forge packs a repository; its rules and its document count as if they lay at the top."""
    make_zip(
        tmp_path / "app.zip", ("app-1a2b3c/main.py", "fn = 1", 0o100644),
        ("app-1a2b3c/.ovenbirdignore", "*.txt", 0o100644), ("app-1a2b3c/a.txt", "a", 0o100644),
        ("app-1a2b3c/function.yaml", "f", 0o100644),
        ("__MACOSX/._main.py", "m", 0o100644), (".DS_Store", "d", 0o100644),
    )  # fmt: skip
    tree = fetch_tree("app.zip")
    assert (read_tree(tree), tree.warnings) == ({".ovenbirdignore": "*.txt", "main.py": "fn = 1"}, ())
    make_zip(tmp_path / "app.zip", ("pkg/main.py", "x", 0o100644), ("pkg/__init__.py", "", 0o100644))
    assert "pkg/main.py" in read_tree(fetch_tree("app.zip", handler="pkg.main:fn"))
    assert "main.py" in read_tree(fetch_tree("app.zip", handler="main:fn"))
    make_zip(tmp_path / "app.zip", ("a/main.py", "x", 0o100644), ("b/main.py", "x", 0o100644))
    assert set(read_tree(fetch_tree("app.zip"))) == {"a/main.py", "b/main.py"}
    make_zip(tmp_path / "app.zip", ("a", "b", 0o120777), ("b/main.py", "x", 0o100644))
    assert set(read_tree(fetch_tree("app.zip"))) == {"a", "b/main.py"}


def test_a_folder_of_an_archive_is_named_after_a_hash(fetch_tree: Fetch, tmp_path: Path) -> None:
    """From the top, or below the one folder; a file whose name has a `#` is that file."""
    members = [(f"app-main/{name}", name, 0o100644) for name in ("main.py", "libs/one/main.py", "libs/two/main.py")]
    make_zip(tmp_path / "app.zip", *members, ("app-main/link", "libs", 0o120777))
    for folder in ("libs/two", "app-main/libs/two", "subdirectory=libs/two", "./libs/two/"):
        assert read_tree(fetch_tree(f"app.zip#{folder}")) == {"main.py": "libs/two/main.py"}
    with pytest.raises(SourceMissingError, match=r"has no folder 'lib/two' \(did you mean 'libs/two'"):
        fetch_tree("app.zip#lib/two")
    for folder, words in (("../x", "leaves the folder"), ("link/two", "is a link"), ("a\nb", "control character")):
        with pytest.raises(UnsafeSourceError, match=words):
            fetch_tree(f"app.zip#{folder}")
    make_zip(tmp_path / "app.zip#libs", ("main.py", "other", 0o100644))
    (tmp_path / "app.zip#libs").rename(tmp_path / "app#libs.zip")
    assert read_tree(fetch_tree("app#libs.zip")) == {"main.py": "other"}
    assert fetch_tree("app.zip#libs/two").uri == "local"


@pytest.mark.parametrize("name", ["app.tar", "app.tar.gz", "app.TGZ", "app.tar.xz", "app.zip", "app"])
def test_a_tar_is_an_archive_like_a_zip(fetch_tree: Fetch, tmp_path: Path, name: str) -> None:
    """By its content, whatever it is called."""
    packer = hostile_tars.PACKERS["xz" if name.endswith("xz") else "plain" if name.endswith("tar") else "gzip"]
    members = [hostile_tars.Member(f"./app-main/{part}") for part in ("main.py", "sub/main.py")]
    (tmp_path / name).write_bytes(packer(hostile_tars.build(*members)))
    tree = fetch_tree(name)
    assert (set(read_tree(tree)), tree.uri, tree.file) == ({"main.py", "sub/main.py"}, "local", "")
    if "." in name:  # else nothing says that a `#` is no part of the name
        assert set(read_tree(fetch_tree(f"{name}#sub"))) == {"main.py"}


@pytest.mark.parametrize(
    ("data", "packer"), [(b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a", "rar"), (b"\x28\xb5\x2f\xfd", "Zstandard")]
)
def test_an_unsupported_archive_is_refused_by_its_type(
    fetch_tree: Fetch, tmp_path: Path, data: bytes, packer: str
) -> None:
    """With what to do."""
    (tmp_path / "app.zip").write_bytes(data + b"x" * 100)
    with pytest.raises(SourceError, match=rf"is packed with {packer}, which is not read \(pack it as .zip or .tar.gz"):
        fetch_tree("app.zip")


def test_the_limits_are_those_of_any_source(fetch_tree: Fetch, tmp_path: Path) -> None:
    """For a tar as for a zip."""
    members = [hostile_tars.Member(f"{number}.py") for number in range(20)]
    (tmp_path / "app.tgz").write_bytes(hostile_tars.PACKERS["gzip"](hostile_tars.build(*members)))
    with pytest.raises(UnsafeSourceError, match=r"more than 2.0 KiB \(OVENBIRD_SOURCE_LIMIT"):
        fetch_tree("app.tgz", OVENBIRD_SOURCE_LIMIT="2KiB")
    with pytest.raises(UnsafeSourceError, match=r"11 members, more than 10"):
        fetch_tree("app.tgz", OVENBIRD_SOURCE_FILES="10")

"""Files that people name: replaced whole, while devices, pipes, links and open streams stay what they are."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ovenbird.common.atomic_files import drafting, is_replaceable, replacing, write_file, write_private_file

WRITE = "import sys; from pathlib import Path; from ovenbird.common.atomic_files import write_file; "


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """An old file is replaced by a new one, and no draft is left."""
    path = tmp_path / "result.json"
    write_file(path, b"first")
    with path.open("rb") as old:
        write_file(path, b"second")
        assert old.read() == b"first"  # another file: who reads the old one reads it whole
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"second", 0o644)
    assert [entry.name for entry in path.parent.iterdir()] == ["result.json"]


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    """A failure in between changes nothing, and leaves no draft."""
    path = tmp_path / "bundle.tar"
    path.write_bytes(b"old")
    with pytest.raises(IsADirectoryError), replacing(path) as draft:
        tmp_path.write_bytes(draft.write_bytes(b"half").to_bytes(1, "big"))
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["bundle.tar"]


def test_a_draft_has_no_file_before_it_is_written(tmp_path: Path) -> None:
    """Writers that make their file themselves find a free name; a name of 255 bytes has a draft too."""
    path = tmp_path / ("ü" * 127)
    with drafting(path) as draft:
        assert not draft.exists()
        draft.write_bytes(b"content")
        assert not path.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("durable", [False, True])
def test_a_draft_that_fails_leaves_the_old_file(tmp_path: Path, durable: bool) -> None:
    """Whatever ends the block, a signal's exception too, the old file stays and nothing else."""
    (tmp_path / "a").write_text("old")

    def write(part: Path) -> None:
        part.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), drafting(tmp_path / "a", durable=durable) as draft:
        write(draft)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_mode_can_be_chosen(tmp_path: Path) -> None:
    """A file that is written back keeps its mode; until it is whole, only its owner reads it."""
    path = tmp_path / "function.yaml"
    with replacing(path, mode=0o640) as draft:
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600
        draft.write_bytes(b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o640)


def test_a_private_file_takes_the_place_of_a_link(tmp_path: Path) -> None:
    """A secret is never written to where a link leads, and only its owner reads it, whatever was there before."""
    path, other = tmp_path / "secret", tmp_path / "other"
    other.write_bytes(b"other")
    path.symlink_to(other)
    for content in (b"first", b"second"):
        write_private_file(path, content)
        assert (path.read_bytes(), stat.S_IMODE(path.lstat().st_mode)) == (content, 0o600)
        path.chmod(0o644)
    assert other.read_bytes() == b"other"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["other", "secret"]


def test_a_device_stays_a_device(tmp_path: Path) -> None:
    """A rename over /dev/null would break the machine of whoever runs as root: here, over a node of the same kind."""
    path = tmp_path / "null"
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:  # not root, who alone could do harm
        path = Path(os.devnull)
    for write in (lambda: write_file(path, b"gone"), lambda: _replace(path, b"gone")):
        write()
        assert stat.S_ISCHR(path.stat().st_mode)
    assert not is_replaceable(path)


def test_a_pipe_gets_the_content(tmp_path: Path) -> None:
    """A named pipe hands it to its reader, and stays."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    values: list[bytes] = []
    thread = threading.Thread(target=lambda: values.append(path.read_bytes()))
    thread.start()
    write_file(path, b"content")
    thread.join(10)
    assert values == [b"content"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_link_leads_to_its_file(tmp_path: Path) -> None:
    """The file behind a link is written, and the link stays."""
    (tmp_path / "file").write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to("file")
    write_file(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_stream_goes_on_where_it_is(tmp_path: Path, name: str) -> None:
    """Earlier output stays in the file that stdout leads to, and later output follows."""
    out = tmp_path / "out"
    code = f"{WRITE}print('before'); write_file(Path({name!r}), b'content\\n'); print('after')"
    with out.open("wb") as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
    assert out.read_text() == "before\ncontent\nafter\n"


def test_a_stream_that_is_a_pipe(tmp_path: Path) -> None:
    """The same through a pipe, for a draft that is copied into it."""
    code = (
        "from pathlib import Path; from ovenbird.common.atomic_files import replacing\n"
        "with replacing(Path('/dev/stdout')) as draft: draft.write_bytes(b'content')"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=tmp_path)
    assert process.stdout == b"content"


def _replace(path: Path, content: bytes) -> None:
    with replacing(path) as draft:
        draft.write_bytes(content)

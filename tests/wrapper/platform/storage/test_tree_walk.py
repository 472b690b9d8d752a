from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ovenbird.platform.local.store import LocalStore
from ovenbird.platform.storage.tree_walk import describe_special, identify_folder, walk_tree


def _names(root: Path) -> list[str]:
    return [name for _, name in walk_tree(root).files]


def test_links_to_files_and_folders_count_as_what_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "data/sub").mkdir(parents=True)
    (tmp_path / "data/sub/a").write_text("a")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/folder").symlink_to("../data")
    (tmp_path / "out/file").symlink_to("../data/sub/a")
    tree = walk_tree(tmp_path / "out")
    assert ([name for _, name in tree.files], tree.problems) == (["file", "folder/sub/a"], [])
    assert [path.read_text() for path, _ in tree.files] == ["a", "a"]


def test_what_no_store_can_hold_is_a_problem(tmp_path: Path) -> None:
    """A circle ends, a FIFO is not opened, and each is named with its reason."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/up").symlink_to("..")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "itself").symlink_to("itself")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "fine").write_text("")
    server = socket.socket(socket.AF_UNIX)
    previous = Path.cwd()
    os.chdir(tmp_path)  # the address of a socket has at most 107 bytes
    server.bind("socket")
    os.chdir(previous)
    server.close()
    tree = walk_tree(tmp_path)
    assert [name for _, name in tree.files] == ["fine"]
    assert dict(tree.problems) == {
        "gone": "is a link that leads nowhere", "itself": "cannot be read: Too many levels of symbolic links",
        "pipe": "is a FIFO", "socket": "is a socket", "sub/up": "is a link to a folder above it",
        "zero": "is a character device",
    }  # fmt: skip


def test_stores_and_named_folders_are_left_out(tmp_path: Path) -> None:
    """Whatever path leads to them; a folder that is only called like a store is data."""
    store = LocalStore(tmp_path / ".ovenbird")
    assert store.list_summaries("run") == []  # makes the database
    store.close()
    for name in ("other", "plain/.ovenbird"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text("")
    (tmp_path / "link").symlink_to("other")
    assert _names(tmp_path) == ["link/file", "other/file", "plain/.ovenbird/file"]
    other = identify_folder(tmp_path / "other")
    assert other is not None
    assert [name for _, name in walk_tree(tmp_path, {other}).files] == ["plain/.ovenbird/file"]


@pytest.mark.parametrize(
    ("path", "kind"), [("/dev/zero", "a character device"), ("/", ""), ("/none", ""), ("a\0b", "")]
)
def test_special_files_are_recognised(path: str, kind: str) -> None:
    assert describe_special(Path(path)) == kind

"""The layers of source and files: content only, whoever made it and whenever."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.layers import image_policy
from ovenbird_builder.layers.source import FileContent, make_files_layer, make_source_layer


@dataclass(frozen=True)
class Tree:
    path: Path
    digest: str


def make_tree(folder: Path, names: tuple[str, ...]) -> Tree:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "link").symlink_to("main.py")
    (folder / "run.sh").chmod(0o755)
    return Tree(folder, "sha256:" + "1" * 64)


def test_source_depends_on_content_only(tmp_path: Path) -> None:
    """Another place, order, umask and time give the same layer, in caches of their own."""
    names = ("main.py", "run.sh", "b/c.py", "b.py", "a/z")
    first = make_source_layer(make_tree(tmp_path / "1", names), LayerCache(tmp_path / "c1"))
    before = os.umask(0o077)
    try:
        other = make_tree(tmp_path / "2", names[::-1])
        os.utime(other.path / "main.py", (1, 1))
        second = make_source_layer(other, LayerCache(tmp_path / "c2"))
    finally:
        os.umask(before)
    assert first.digest == second.digest
    with image_policy._open_tar(first, LayerCache(tmp_path / "c1")) as archive:
        rows = {info.name: (info.uid, info.gid, info.mode, info.linkname) for info in archive}
    assert rows == {
        "shared": (8877, 0, 0o775, ""), "shared/a": (0, 0, 0o755, ""), "shared/a/z": (0, 0, 0o644, ""),
        "shared/b": (0, 0, 0o755, ""), "shared/b/c.py": (0, 0, 0o644, ""), "shared/b.py": (0, 0, 0o644, ""),
        "shared/link": (0, 0, 0o777, "main.py"), "shared/main.py": (0, 0, 0o644, ""),
        "shared/run.sh": (0, 0, 0o755, ""),
    }  # fmt: skip


def test_another_digest_is_another_layer(cache: LayerCache, tmp_path: Path) -> None:
    """A layer is found again by the tree's digest, without a look at the files."""
    source = make_tree(tmp_path / "1", ("main.py", "run.sh"))
    first = make_source_layer(source, cache)
    (source.path / "main.py").write_text("other")
    assert make_source_layer(source, cache).cached
    assert make_source_layer(Tree(source.path, "sha256:" + "2" * 64), cache).digest != first.digest


def test_files_links_and_folders(cache: LayerCache) -> None:
    """Each kind of content, in the order of the paths; another content is another key."""
    layer = make_files_layer({"/b": b"b", "/a/l": FileContent(link="../b"), "/c": FileContent(folder=True)}, cache)
    with image_policy._open_tar(layer, cache) as archive:
        assert [(info.name, info.type) for info in archive] == [("a", b"5"), ("a/l", b"2"), ("b", b"0"), ("c", b"5")]
    assert (
        make_files_layer({"/b": FileContent(b"b", executable=True)}, cache).key
        != make_files_layer({"/b": b"b"}, cache).key
    )

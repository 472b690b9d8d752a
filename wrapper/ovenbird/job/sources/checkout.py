"""Write the files of a commit below a folder, and let none of them leave it.

It is done here and not by dulwich, so that no filter, hook or attribute of the repository takes effect.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.object_store import DiskObjectStore
from dulwich.objects import S_ISGITLINK, Blob, Commit, ObjectID, Tree

from ...common.git_url import GitSource
from ...common.text import show_value
from ...common.units import show_size
from ...errors import LoadError, SourceUrlError

_DEPTH = 200  # levels of nested folders
_LFS = b"version https://git-lfs.github.com/spec/"


@dataclass
class CheckoutResult:
    """The files that were written, counted against the limits, and those that were left out."""

    files: int = 0
    size: int = 0
    links: list[Path] = field(default_factory=list)
    submodules: list[str] = field(default_factory=list)
    pointers: list[str] = field(default_factory=list)

    def list_notes(self) -> list[str]:
        """Return messages about the parts that were left out."""
        notes = []
        if self.submodules:
            notes.append(f"submodules are not fetched when a run starts: {_list_few(self.submodules)} left empty")
        if self.pointers:
            names = _list_few(self.pointers)
            notes.append(f"files of git-lfs are not fetched when a run starts: {names} only point there")
        return notes


def write(
    store: DiskObjectStore, commit: Commit, source: GitSource, folder: Path, *, files: int, size: int
) -> CheckoutResult:  # fmt: skip
    """Write the tree of a commit, or the subfolder that the source names: at most `files` files, `size` bytes in all.

    Errors: LoadError for a path that leaves the folder, or if a limit is exceeded; OSError.
    """
    writer = _TreeWriter(store, files, size)
    writer.write_tree(_find_subfolder(store, commit, source), folder, "", 0)
    writer.check_links(folder)
    # `provenance` reads the commit from here, as in a checkout by git
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text(commit.id.decode() + "\n", encoding="ascii")
    return writer.written


class _TreeWriter:
    """Writes trees. Every file, folder and link is created anew, so that nothing is written through a link."""

    def __init__(self, store: DiskObjectStore, files: int, size: int) -> None:
        self._store, self._files, self._size = store, files, size
        self.written = CheckoutResult()

    def write_tree(self, name: ObjectID, folder: Path, path: str, depth: int) -> None:
        """Write a tree as `folder`, which is `path` in the source."""
        if depth > _DEPTH:
            raise LoadError(f"{path[:80]!a} is more than {_DEPTH} folders deep")
        folder.mkdir()
        tree = self._store[name]
        assert isinstance(tree, Tree)
        self._count(len(tree), 0)
        for entry in tree.iteritems():
            assert entry.path is not None
            assert entry.mode is not None
            assert entry.sha is not None
            part = self._check_name(entry.path, path)
            target, inner = folder / part, f"{path}{part}"
            if S_ISGITLINK(entry.mode):
                target.mkdir()
                self.written.submodules.append(inner)
            elif stat.S_ISDIR(entry.mode):
                self.write_tree(entry.sha, target, f"{inner}/", depth + 1)
            else:
                self._write_blob(entry.sha, entry.mode, target, inner)

    def check_links(self, folder: Path) -> None:
        """Raise LoadError if a link leaves the folder, be it through other links."""
        root = folder.resolve()
        for link in self.written.links:
            if not Path(os.path.realpath(link)).is_relative_to(root):
                name = link.relative_to(folder)
                raise LoadError(
                    f"the link {show_value(str(name))} -> {show_value(os.readlink(link))} leaves the source"  # noqa: PTH115  # as it is
                )

    def _write_blob(self, name: ObjectID, mode: int, path: Path, inner: str) -> None:
        blob = self._store[name]
        assert isinstance(blob, Blob)
        content = blob.data
        self._count(0, len(content))
        if stat.S_ISLNK(mode):
            path.symlink_to(os.fsdecode(content))
            self.written.links.append(path)
            return
        with path.open("xb") as file:
            file.write(content)
        if mode & 0o111:
            path.chmod(0o755)
        if content.startswith(_LFS):
            self.written.pointers.append(inner)

    def _check_name(self, name: bytes, path: str) -> str:
        """Return the name of an entry as text. Errors: LoadError if it would leave its folder, or is `.git`."""
        text = os.fsdecode(name)
        if text in ("", ".", "..") or "/" in text or text.lower() == ".git":
            raise LoadError(f"it holds {path + text!a}, which leaves its folder or is git's own")
        return text

    def _count(self, files: int, size: int) -> None:
        written = self.written
        written.files, written.size = written.files + files, written.size + size
        if written.files > self._files or written.size > self._size:
            raise LoadError(
                f"it holds more than {self._files} files or {show_size(self._size)}",
                hint="`OVENBIRD_SOURCE_LIMIT` and `OVENBIRD_SOURCE_FILES` say how large a source may be",
            )


def _find_subfolder(store: DiskObjectStore, commit: Commit, source: GitSource) -> ObjectID:
    """Return the tree of the subfolder that the source names. Errors: SourceUrlError if it does not exist."""
    name: ObjectID = commit.tree
    for part in filter(None, source.subfolder.split("/")):
        tree = store[name]
        assert isinstance(tree, Tree)
        mode, inner = _find_entry(tree, part)
        if not stat.S_ISDIR(mode):
            reason = "is not a folder" if mode else "does not exist"
            folders = [os.fsdecode(entry.path or b"") for entry in tree.iteritems() if stat.S_ISDIR(entry.mode or 0)]
            hint = f"the folders there: {_list_few(folders)}" if folders else "there is no folder"
            raise SourceUrlError(f"{source.display_url}: the folder {show_value(source.subfolder)} {reason}", hint=hint)
        name = inner
    return name


def _find_entry(tree: Tree, name: str) -> tuple[int, ObjectID]:
    """Return the mode and the object of an entry; the mode is 0 if there is no such entry."""
    try:
        return tree[name.encode()]
    except KeyError:
        return 0, tree.id


def _list_few(names: list[str]) -> str:
    return ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

"""The files of a commit, written below a folder that nothing of theirs can leave.

Written here and not by dulwich: no filter, hook or attribute of the repository is looked at.
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

_DEPTH = 200  # folders in folders
_LFS = b"version https://git-lfs.github.com/spec/"


@dataclass
class CheckoutResult:
    """What was written, counted against the limits, and what could not be."""

    files: int = 0
    size: int = 0
    links: list[Path] = field(default_factory=list)
    submodules: list[str] = field(default_factory=list)
    pointers: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """What is not there, for people."""
        notes = []
        if self.submodules:
            notes.append(f"submodules are not fetched when a run starts: {_few(self.submodules)} left empty")
        if self.pointers:
            notes.append(f"files of git-lfs are not fetched when a run starts: {_few(self.pointers)} only point there")
        return notes


def write(
    store: DiskObjectStore, commit: Commit, source: GitSource, folder: Path, *, files: int, size: int
) -> CheckoutResult:  # fmt: skip
    """Write the tree of a commit, or the subfolder of it that is asked for; at most `files` of `size` bytes in all.

    Errors: LoadError for what would leave the folder or is too much; OSError.
    """
    writer = _TreeWriter(store, files, size)
    writer.tree(_subfolder(store, commit, source), folder, "", 0)
    writer.check_links(folder)
    # by which `provenance` knows the commit, as it does where git itself has checked out
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text(commit.id.decode() + "\n", encoding="ascii")
    return writer.written


class _TreeWriter:
    """Writes trees; every file, folder and link is new, so that none is written through a link."""

    def __init__(self, store: DiskObjectStore, files: int, size: int) -> None:
        self._store, self._files, self._size = store, files, size
        self.written = CheckoutResult()

    def tree(self, name: ObjectID, folder: Path, path: str, depth: int) -> None:
        """Write a tree as the folder `folder`, which lies at `path` in the source."""
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
            part = self._checked(entry.path, path)
            place, inner = folder / part, f"{path}{part}"
            if S_ISGITLINK(entry.mode):
                place.mkdir()
                self.written.submodules.append(inner)
            elif stat.S_ISDIR(entry.mode):
                self.tree(entry.sha, place, f"{inner}/", depth + 1)
            else:
                self._blob(entry.sha, entry.mode, place, inner)

    def check_links(self, folder: Path) -> None:
        """Refuse a link that leaves the folder, by whichever way. Errors: LoadError."""
        root = folder.resolve()
        for link in self.written.links:
            if not Path(os.path.realpath(link)).is_relative_to(root):
                name = link.relative_to(folder)
                raise LoadError(
                    f"the link {show_value(str(name))} -> {show_value(os.readlink(link))} leaves the source"  # noqa: PTH115  # as it is
                )

    def _blob(self, name: ObjectID, mode: int, path: Path, inner: str) -> None:
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

    def _checked(self, name: bytes, path: str) -> str:
        """The name of an entry as text. Errors: LoadError for one that would leave its folder or be git's own."""
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


def _subfolder(store: DiskObjectStore, commit: Commit, source: GitSource) -> ObjectID:
    """The tree of the folder that is asked for. Errors: SourceUrlError when there is none."""
    name: ObjectID = commit.tree
    for part in filter(None, source.subfolder.split("/")):
        tree = store[name]
        assert isinstance(tree, Tree)
        mode, inner = _entry(tree, part)
        if not stat.S_ISDIR(mode):
            reason = "is not a folder" if mode else "does not exist"
            folders = [os.fsdecode(entry.path or b"") for entry in tree.iteritems() if stat.S_ISDIR(entry.mode or 0)]
            hint = f"the folders there: {_few(folders)}" if folders else "there is no folder"
            raise SourceUrlError(f"{source.shown}: the folder {show_value(source.subfolder)} {reason}", hint=hint)
        name = inner
    return name


def _entry(tree: Tree, name: str) -> tuple[int, ObjectID]:
    """The mode and the object of an entry; mode 0 where there is none."""
    try:
        return tree[name.encode()]
    except KeyError:
        return 0, tree.id


def _few(names: list[str]) -> str:
    return ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

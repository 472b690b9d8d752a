"""Requirements of a monorepo: a folder beside the function's own, in the same repository of this machine.

A source is packed from a copy of its folder alone. So the repository is mirrored as far as requirements name it: the
copy at its own place, and each folder that is named as a source would be copied, without what rules leave out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

from ovenbird.function_document import FunctionSpec

from ..errors import LockError
from ..host.network import NetworkSettings
from ..sources import fetch

_FILES = ("pylock.toml", "requirements.txt", "pyproject.toml")


class OutsideError(LockError):
    """A requirement names what lies outside of the source."""


@dataclass(frozen=True, slots=True)
class RepositoryMirror:
    """A repository at `top`, of which `folder` holds what was asked for."""

    top: Path
    folder: Path

    def bring(self, path: Path) -> None:
        """Copy what lies at `path` of the mirror from the repository, where it is not there. Errors: SourceError."""
        original = self.top / path.relative_to(self.folder)
        if path.exists() or not original.exists() or not original.resolve().is_relative_to(self.top.resolve()):
            return
        if original.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, path)
            return
        function = FunctionSpec(root=original, name="requirement", handler="handler", source=".")
        fetch(function, path, environ=os.environ, network=NetworkSettings())


_mirror: ContextVar[RepositoryMirror | None] = ContextVar("mirror", default=None)


def find_boundary(root: Path, path: Path) -> Path:
    """Return the folder that a path of a requirement may not leave, with what the path names brought there.

    That is `root`, the source's, but for a source that is mirrored. Errors: SourceError.
    """
    mirror = _mirror.get()
    if mirror is None or not root.is_relative_to(mirror.folder):
        return root
    if path.is_relative_to(mirror.folder):
        mirror.bring(path)
    return mirror.folder


def locate(path: Path) -> Path:
    """Return where a file that a flag names lies in the mirror, brought there; the path itself where none is made."""
    mirror = _mirror.get()
    if mirror is None or not path.resolve().is_relative_to(mirror.top):
        return path
    copy = mirror.folder / path.resolve().relative_to(mirror.top)
    mirror.bring(copy)
    return copy


def find_repository(folder: Path) -> Path | None:
    """Return the top of the repository that a folder lies in, None where it lies in none."""
    return next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), None)


@contextmanager
def mirror_repository(function: FunctionSpec, tree: Path) -> Iterator[tuple[FunctionSpec, Path] | None]:
    """Yield the function and its source as they lie in a mirror of their repository; None where there is none.

    `tree` is the copy of the source; the mirror is made beside it, and stays as long as that.
    """
    source = function.local_source or function.root
    folder = (function.source_root or (source if source.is_dir() else source.parent)).resolve()
    home = function.root.resolve()
    top = find_repository(folder) if function.code is None and "://" not in function.source else None
    if top is None or not home.is_relative_to(top) or folder == home == top:
        yield None
        return
    mirror = RepositoryMirror(top, (tree.parent / f"{tree.name}-repository").resolve())
    document_folder, root = mirror.folder / folder.relative_to(top), mirror.folder / home.relative_to(top)
    if not document_folder.exists():
        document_folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(tree, document_folder, symlinks=True)
    token = _mirror.set(mirror)
    try:
        for name in _FILES if root != document_folder else ():
            mirror.bring(root / name)
        yield (
            replace(function, root=root, source_root=document_folder if function.source_root else None),
            document_folder,
        )
    finally:
        _mirror.reset(token)

"""What of a folder counts when it is built to a wheel: the same for the copy that is built and for its digest."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from ovenbird.common.hashing import hash_bytes

_LOCK = re.compile(r"function(\.[a-z0-9-]+)?\.lock")  # of ours: it holds the digest of the folder that it lies in
_ANYWHERE = ("__pycache__", ".git")
_DOCUMENTS = ("function.yaml", "function.yml")
_IMAGE = re.compile(rb"(?m)^ +[\"']?image[\"']? *:.*\n?")  # what `--write-back` sets after each build


def list_leftovers(root: Path, folder: Path, names: list[str]) -> set[str]:
    """Return which names in a folder of the project `root` earlier builds and other programs have left there.

    `build`, `dist` and `*.egg-info` are setuptools' own beside the project's files only; elsewhere they are content.
    """
    leftovers = {name for name in names if name in _ANYWHERE or (folder / name / "pyvenv.cfg").is_file()}
    if folder == root:
        # a package of that name is code
        leftovers |= {name for name in ("build", "dist") if name in names and not _is_package(folder / name)}
        leftovers |= {name for name in names if _LOCK.fullmatch(name)}
    if folder == root or (folder.parent == root and not _is_package(folder)):  # `src`
        leftovers |= {name for name in names if name.endswith(".egg-info")}
    return leftovers


def copy_folder(folder: Path, into: Path) -> None:
    """Copy a folder without what is left over; what its links lead to outside of it comes along. Errors: OSError."""
    shutil.copytree(folder, into, symlinks=True, ignore=lambda path, names: list_leftovers(folder, Path(path), names))
    _bring_linked_files(folder, into)


def _bring_linked_files(project: Path, copy: Path) -> None:
    """Replace each link of a copied project that leaves the project by what it leads to; one to nothing is left out.

    A link that stays within is kept, as one to a folder above itself has no end.
    """
    for link in [path for path in copy.rglob("*") if path.is_symlink()]:
        target = Path(os.path.realpath(project / link.relative_to(copy)))  # which takes links in a circle too
        if target.is_relative_to(project.resolve()) and target.exists() and link.exists():
            continue
        link.unlink()
        if target.is_file():
            shutil.copyfile(target, link)
            shutil.copymode(target, link)
        elif target.is_dir() and not project.resolve().is_relative_to(target):
            shutil.copytree(target, link, symlinks=True)
            _bring_linked_files(target, link)


def digest_content(path: Path) -> str:
    """Return a digest of a file or folder: names and content, not times or modes.

    The image that a build writes into the function document has no part in it, nor has a lock.
    """
    total = hashlib.sha256()
    files = [path] if path.is_file() else sorted(_walk(path))
    for file in files:
        content = file.read_bytes()
        if file.name in _DOCUMENTS and file.parent == path:
            content = _IMAGE.sub(b"", content)
        name = file.relative_to(path).as_posix()
        total.update(f"{name}\0{hash_bytes(content)}\n".encode("utf-8", "surrogateescape"))
    return "sha256:" + total.hexdigest()


def _walk(root: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(root):
        folder = Path(parent)
        leftovers = list_leftovers(root, folder, [*folders, *names])
        folders[:] = [name for name in folders if name not in leftovers]
        yield from (folder / name for name in names if name not in leftovers and (folder / name).is_file())


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").exists()

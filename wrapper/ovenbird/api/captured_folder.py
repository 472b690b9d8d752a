"""Write captured source text to a folder below the data folder, named by its content; safe for several processes."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..capture.captured_module import CapturedModule, LocalModule
from ..errors import LoadError
from ..platform.data_dir import data_dir

FOLDER = "captured"
_DIGITS = 16  # of the digest in the folder's name
_LEFT_OUT = ("__pycache__", ".git", ".venv", "node_modules", ".ovenbird", ".ipynb_checkpoints")


def write_captured(captured: CapturedModule, environ: Mapping[str, str]) -> Path:
    """Write a captured module with the local modules that it imports; return the source root. Errors: LoadError.

    The same content has the same folder, so a function that has not changed keeps its revision.
    """
    home = Path(data_dir(environ)).absolute() / FOLDER
    files = dict(_list_files(captured))
    folder = home / f"{Path(captured.file_name).stem}-{_digest_files(files)}"
    if _is_intact(folder, files):
        return folder
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_folder(home, folder, files)
    except OSError as error:
        raise LoadError(
            f"the captured source was not written to {folder}: {error.strerror or error}",
            hint="`OVENBIRD_HOME` names a folder that can be written",
        ) from None
    return folder


def _list_files(captured: CapturedModule) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the source root: relative path and content."""
    yield captured.file_name, captured.text.encode("utf-8")
    if captured.requirements:
        yield "requirements.txt", "".join(f"{line}\n" for line in captured.requirements).encode()
    for module in captured.local_modules:
        yield from _read_module(module)


def _read_module(module: LocalModule) -> Iterator[tuple[str, bytes]]:
    name = module.name.replace(".", "/")
    if module.path.is_file():
        yield f"{name}{module.path.suffix}", module.path.read_bytes()
        return
    for folder, folders, names in os.walk(module.path):
        folders[:] = sorted(entry for entry in folders if entry not in _LEFT_OUT)
        for file in sorted(names):
            path = Path(folder, file)
            if path.is_file() and not path.is_symlink():
                yield f"{name}/{path.relative_to(module.path)}", path.read_bytes()


def _digest_files(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGITS]


def _is_intact(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Return whether the folder holds these files with this content: somebody may have edited them."""
    try:
        return all((folder / name).read_bytes() == content for name, content in files.items())
    except OSError:
        return False


def _write_folder(home: Path, folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files to a folder of another name, and rename it: another process may do the same at this moment."""
    draft = home / f".{folder.name}.{os.getpid()}-{os.urandom(4).hex()}.part"
    try:
        for name, content in files.items():
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        try:
            draft.rename(folder)
        except OSError:
            if not _is_intact(folder, files):  # edited: a damaged one gives way
                folder.rename(home / f".{folder.name}.{os.urandom(4).hex()}.old")
                draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)

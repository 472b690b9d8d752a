"""Write captured source text to a folder below the data folder, named by its content; safe for several processes."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..capture.captured_module import CapturedModule, LocalModule
from ..common.named_paths import describe_broken_link
from ..common.source_limits import FILES, SIZE, SourceLimits, read_limits
from ..common.text import show_value
from ..common.units import show_size
from ..errors import CaptureError, LoadError
from ..platform.data_dir import LINK_HINT, data_dir

FOLDER = "captured"
_DIGITS = 16  # of the digest in the folder's name
_BLOCK = 1024**2  # bytes that are hashed at once
_LEFT_OUT = ("__pycache__", ".git", ".venv", "node_modules", ".ovenbird", ".ipynb_checkpoints")
_Content = bytes | Path


def write_captured(captured: CapturedModule, environ: Mapping[str, str]) -> Path:
    """Write a captured module with the local modules that it imports; return the source root. Errors: LoadError.

    The same content has the same folder, so a function that has not changed keeps its revision. `OVENBIRD_SOURCE_LIMIT`
    and `OVENBIRD_SOURCE_FILES` limit what is copied.
    """
    home = Path(data_dir(environ)).absolute() / FOLDER
    limits = read_limits(environ, LoadError)
    try:
        files = _list_files(captured, limits)
        digest = _digest_files(files)
        folder = home / f"{Path(captured.file_name).stem}-{digest[:_DIGITS]}"
        if not _is_intact(folder, files, digest):
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_folder(folder, files, digest)
    except OSError as error:
        link = describe_broken_link(home)
        raise LoadError(
            f"the captured source was not written below {home}: {link or _describe_error(error)}",
            hint=LINK_HINT if link else "`OVENBIRD_HOME` names a folder that can be written",
        ) from None
    return folder


def _describe_error(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{reason}: {show_value(str(error.filename))}" if error.filename else reason


def _list_files(captured: CapturedModule, limits: SourceLimits) -> dict[str, _Content]:
    """Return the files of the source root: relative path, and content or the file that has it. Errors: CaptureError."""
    files: dict[str, _Content] = {captured.file_name: captured.text.encode("utf-8")}
    if captured.requirements:
        files["requirements.txt"] = "".join(f"{line}\n" for line in captured.requirements).encode()
    size = 0
    for module in captured.local_modules:
        for name, path in _list_module(module):
            files[name] = path
            size += path.stat().st_size
            _check_limits(module, len(files), size, limits)
    return files


def _check_limits(module: LocalModule, count: int, size: int, limits: SourceLimits) -> None:
    """Raise CaptureError where the files up to here are more than may be copied."""
    if count > limits.files:
        excess, variable = f"more than {limits.files} files", FILES
    elif size > limits.size:
        excess, variable = f"more than {show_size(limits.size)}", SIZE
    else:
        return
    raise CaptureError(
        f"the local modules up to {module.name}, which is {show_value(str(module.path))}, are {excess}",
        hint=f"data does not belong into a package: `inputs=` takes it; `{variable}` allows more",
    )


def _list_module(module: LocalModule) -> Iterator[tuple[str, Path]]:
    name = module.name.replace(".", "/")
    if module.path.is_file():
        yield f"{name}{module.path.suffix}", module.path
        return
    for folder, folders, names in os.walk(module.path):
        folders[:] = sorted(entry for entry in folders if entry not in _LEFT_OUT)
        for file in sorted(names):
            path = Path(folder, file)
            if path.is_file() and not path.is_symlink():
                yield f"{name}/{path.relative_to(module.path)}", path


def _digest_files(files: Mapping[str, _Content]) -> str:
    """Return the digest of names and contents, which are read in blocks. Errors: OSError."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items(), key=lambda item: item[0]):
        if isinstance(content, bytes):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
            continue
        with content.open("rb") as stream:
            digest.update(f"{name}\0{os.fstat(stream.fileno()).st_size}\0".encode())
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def _is_intact(folder: Path, files: Mapping[str, _Content], digest: str) -> bool:
    """Return whether the folder holds these files with the content of this digest: somebody may have edited them."""
    try:
        return _digest_files({name: folder / name for name in files}) == digest
    except OSError:
        return False


def _write_folder(folder: Path, files: Mapping[str, _Content], digest: str) -> None:
    """Write the files to a folder of another name, and rename it: another process may do the same at this moment."""
    draft = folder.with_name(f".{folder.name}.{os.getpid()}-{os.urandom(4).hex()}.part")
    old = draft.with_suffix(".old")
    try:
        for name, content in files.items():
            path = draft / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                shutil.copyfile(content, path)
        try:
            draft.rename(folder)
        except OSError:
            if not _is_intact(folder, files, digest):  # edited: a damaged one gives way
                folder.rename(old)
                draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)

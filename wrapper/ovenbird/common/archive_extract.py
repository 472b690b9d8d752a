"""Unpack a source that is an archive of any supported format, and find the function's folder in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from .archive_checks import ArchiveError, ArchiveLimits, clean_name
from .archive_names import is_archive_name
from .did_you_mean import did_you_mean
from .tar_extract import extract_tar, is_tar
from .text import show_value
from .tree_names import describe_problem
from .zip_extract import extract_zip

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the second of an empty one
_OTHERS = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "rar", b"\x28\xb5\x2f\xfd": "Zstandard", b"\x1f\x9d": "compress"}
# what packers add next to the packed folder
_BESIDE = frozenset(("__MACOSX", ".DS_Store"))


class FolderMissingError(ArchiveError):
    """The requested folder is not in the archive."""


def is_archive(path: Path) -> bool:
    """Return whether a file begins like an archive, of a supported format or another one."""
    with path.open("rb") as file:
        start = file.read(8)
    return start.startswith((*_ZIP, *_OTHERS)) or is_tar(path)


def extract_archive(
    archive: Path,
    folder: Path,
    limits: ArchiveLimits,
    check_name: Callable[[str], str] = lambda _: "",
    *,
    name: str = "",
) -> list[str]:
    """Unpack a zip or a tar, recognised by its content, into an empty folder. As `extract_zip` and `extract_tar`.

    `name` is what the archive is called where it comes from: it says what a damaged one should have been.
    """
    with archive.open("rb") as file:
        start = file.read(8)
    for sign, packer in _OTHERS.items():
        if start.startswith(sign):
            raise ArchiveError(f"is packed with {packer}, which is not read", "pack it as .zip or .tar.gz")
    named_tar = is_archive_name(name) and not name.lower().endswith(".zip")
    extract = extract_tar if is_tar(archive) or (named_tar and not start.startswith(_ZIP)) else extract_zip
    return extract(archive, folder, limits, check_name)


def find_root(folder: Path, subfolder: str, module: str) -> Path:
    """Return the folder below `folder`, an unpacked archive, that the function's modules are imported from.

    That is `subfolder` where one is named. Else it is the archive itself, or the one folder in it, as in
    every download from a forge, unless the archive itself holds `module`.
    Errors: FolderMissingError, ArchiveError for a folder that is a link.
    """
    top = _find_single_folder(folder)
    if not subfolder:
        return top if top and not _has_module(folder, module) else folder
    subfolder = clean_name(subfolder)
    if subfolder == ".":
        return folder
    if problem := describe_problem(subfolder):
        raise ArchiveError(f"the folder {show_value(subfolder)} {problem}", unsafe=True)
    starts = [folder, top] if top else [folder]
    for start in starts:
        if (start / subfolder).is_dir():
            if any(
                (start / part).is_symlink() for part in (PurePosixPath(subfolder), *PurePosixPath(subfolder).parents)
            ):
                raise ArchiveError(f"the folder {show_value(subfolder)} is a link", unsafe=True)
            return start / subfolder
    names = [path.relative_to(start).as_posix() for start in starts for path in _list_folders(start)]
    some = ", ".join(show_value(name) for name in sorted(names)[:5])
    hint = did_you_mean(subfolder, names, limit=1) or (f"it has {some}" if some else "it has no folder")
    raise FolderMissingError(f"has no folder {show_value(subfolder)}", hint)


def _find_single_folder(folder: Path) -> Path | None:
    entries = [entry for entry in folder.iterdir() if entry.name not in _BESIDE]
    if len(entries) == 1 and entries[0].is_dir() and not entries[0].is_symlink():
        return entries[0]
    return None


def _has_module(folder: Path, module: str) -> bool:
    path = folder.joinpath(*module.split("."))
    return (
        path.with_name(f"{path.name}.py").is_file()
        or (path / "__init__.py").is_file()
        or any(path.parent.glob(f"{path.name}.*.so"))
    )


def _list_folders(folder: Path) -> list[Path]:
    """Return the folders of the first two levels, which a misspelled name may mean."""
    return [path for pattern in ("*", "*/*") for path in folder.glob(pattern) if path.is_dir()]

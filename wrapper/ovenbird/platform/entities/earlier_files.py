"""The files that earlier runs have copied to a folder of outputs, and that a new copy does not have."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...common.hashing import checksum_file
from ...common.text import escape_bytes, show_value
from ...common.user_warnings import warn_user
from ...errors import InputError
from .. import keys
from ..store import EntityStore
from .file_entity import FileEntity

_VERSIONS = 100  # how many earlier versions of an output are looked at
_SHOWN = 10


def remove_earlier_files(store: EntityStore, entity: FileEntity, folder: Path) -> None:
    """Remove from a copy of the entity what only earlier versions of it hold, and folders that are empty then.

    A file is known by its name and its content: earlier versions may have been copied elsewhere, and a file of such a
    name may be somebody's own. What is not known stays, and a warning names it. No link to a folder is followed.
    Errors: InputError for a file that cannot be removed.
    """
    current = set(entity.get_file_paths())
    if not current or os.path.realpath(str(entity.spec.get("path"))) == os.path.realpath(folder):
        return
    extra = {name: path for path, name in _list_files(folder) if name not in current}
    if not extra:
        return
    for name in sorted(_find_earlier(store, entity, extra)):
        try:
            extra.pop(name).unlink(missing_ok=True)
        except OSError as error:
            message = f"{folder / name} of an earlier run cannot be removed: {error.strerror}"
            raise InputError(message, hint="choose another folder") from error
        _remove_empty_folders(folder, name)
    if extra:
        more = f" and {len(extra) - _SHOWN} more" if len(extra) > _SHOWN else ""
        names = ", ".join(show_value(name) for name in sorted(extra)[:_SHOWN])
        warn_user(f"{folder} also holds what is of no known run, and stays: {names}{more}")


def _list_files(folder: Path) -> Iterator[tuple[Path, str]]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            yield path, escape_bytes(path.relative_to(folder).as_posix())


def _find_earlier(store: EntityStore, entity: FileEntity, files: Mapping[str, Path]) -> set[str]:
    """Return the names of those files that an earlier version of the entity has with the same content."""
    hashes = {name: _compute_hash(path) for name, path in files.items()}
    earlier: set[str] = set()
    rows = store.list_summaries(entity.TYPE, project=entity.project, name=entity.name, limit=_VERSIONS)
    for row in rows:
        if len(earlier) == len(files):
            break
        infos = store.read(keys.parse_key(row.key))["status"].get("files")
        for info in infos if isinstance(infos, list) else ():
            if isinstance(info, dict) and info.get("hash") and info["hash"] == hashes.get(str(info.get("path"))):
                earlier.add(info["path"])
    return earlier


def _compute_hash(path: Path) -> str:
    """Return the hash of a file as records have it; empty for a link, and for what cannot be read."""
    try:
        return "" if path.is_symlink() or not path.is_file() else checksum_file(path)
    except OSError:
        return ""


def _remove_empty_folders(folder: Path, name: str) -> None:
    with contextlib.suppress(OSError):  # one that is not empty stays
        for part in Path(name).parents:
            if part != Path():
                (folder / part).rmdir()

"""Files that a form was sent with: inputs of a run, which are kept as long as its record is."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ovenbird.common.private_files import make_private_folder
from ovenbird.errors import InputError, OutputError, OvenbirdError
from ovenbird.platform.data_dir import data_dir
from ovenbird.platform.keys import new_id, parse_key
from ovenbird.platform.store import EntityStore

_MARK = ".runs"  # the file beside a folder that has the keys of the runs whose inputs it holds
_YOUNG = 7 * 24 * 3600  # seconds for which an upload is kept that no run is known of: a long sweep may have begun


class Uploads:
    """The folder of the files that forms were sent with: one folder for each field, below the data folder."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._home = folder / data_dir(environ)
        self.folder = self._home / "uploads"

    def save(self, name: str, files: Sequence[Any]) -> list[Path]:
        """Write the files of a field into one folder, and return their paths. Errors: OutputError."""
        target = self.folder / new_id()
        paths: list[Path] = []
        try:
            for folder in (self._home, self.folder, target):
                make_private_folder(folder)
            if not (self._home / ".gitignore").exists():
                (self._home / ".gitignore").write_text("*\n", encoding="ascii")
            for number, upload in enumerate(files):
                path = target / _clean_name(upload.filename or "file")
                if path.exists():
                    path = target / f"{number}-{path.name}"
                with path.open("xb") as file:
                    shutil.copyfileobj(upload.file, file)
                paths.append(path)
        except OSError as error:
            shutil.rmtree(target, ignore_errors=True)
            raise OutputError(f"the file of {name} cannot be kept: {error.strerror or error}") from None
        return paths

    def discard(self, paths: Sequence[Path]) -> None:
        """Remove files whose run has not begun."""
        for folder in {path.parent for path in paths}:
            self._remove(folder)

    def clean(self, store: EntityStore) -> int:
        """Remove the uploads of runs that the store has no more; return how many. One look for each upload."""
        removed = 0
        for folder in sorted(self.folder.glob("*")) if self.folder.is_dir() else ():
            if folder.is_dir() and not folder.is_symlink() and self._is_left(folder, store):
                self._remove(folder)
                removed += 1
        return removed

    def _is_left(self, folder: Path, store: EntityStore) -> bool:
        try:
            runs = folder.with_name(folder.name + _MARK).read_text(encoding="utf-8").split()
        except OSError:
            return time.time() - folder.stat().st_mtime > _YOUNG
        return not any(_exists(run, store) for run in runs)

    @staticmethod
    def _remove(folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_name(folder.name + _MARK).unlink(missing_ok=True)


def mark_uploads(paths: Iterable[str | Path], run: str) -> None:
    """Say which run files are for, by its key; they may be for several."""
    for folder in {Path(path).parent for path in paths}:
        with folder.with_name(folder.name + _MARK).open("a", encoding="utf-8") as mark:
            mark.write(f"{run}\n")


def _exists(run: str, store: EntityStore) -> bool:
    try:
        store.read_state(parse_key(run))
    except InputError:
        return False
    except OvenbirdError:  # a store that does not answer says nothing about its runs
        return True
    return True


def _clean_name(name: str) -> str:
    """Return a file name without folders and odd characters."""
    return re.sub(r"[^\w.-]", "_", Path(name.replace("\\", "/")).name).lstrip(".")[-100:] or "file"

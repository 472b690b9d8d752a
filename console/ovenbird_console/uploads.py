"""Files that a form was sent with: inputs of a run, which are kept as long as its record is."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ovenbird.common.named_paths import describe_broken_link
from ovenbird.common.private_files import make_private_folder
from ovenbird.errors import InputError, OutputError
from ovenbird.platform.data_dir import data_dir
from ovenbird.platform.keys import new_id, parse_key
from ovenbird.platform.process_identity import ProcessIdentity, is_alive
from ovenbird.platform.store import EntityStore

_FOLDER = "ui-uploads"  # no name that others give to a folder of theirs: what lies in it is removed
_IDENTITY = re.compile(r"[0-9a-f]{32}")
_MARK = ".runs"  # the file beside a folder that says what its files are used by, as JSON lines
_YOUNG = 7 * 24 * 3600  # seconds for which an upload is kept that no run is known of
_FRESH = 60.0  # seconds for which a mark alone keeps an upload: what it is for is being started
_LONGEST = 200  # bytes of a file name; file systems take 255


class Uploads:
    """The folder of the files that forms were sent with: one folder for each field, below the data folder."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._start = folder.absolute()
        self._home = self._start / data_dir(environ)
        self.folder = self._home / _FOLDER

    def save(self, name: str, files: Sequence[Any]) -> list[Path]:
        """Write the files of a field into one folder, and return their paths. Errors: OutputError."""
        target = self.folder / new_id()
        paths: list[Path] = []
        try:
            for folder in (self._home, self.folder):
                if make_private_folder(folder):  # one that is there may be the repository of somebody
                    (folder / ".gitignore").write_text("*\n", encoding="ascii")
            make_private_folder(target)
            for number, upload in enumerate(files):
                path = target / _clean_name(upload.filename or "file")
                while path.exists():
                    path = target / f"{number}-{path.name}"
                with path.open("xb") as file:
                    shutil.copyfileobj(upload.file, file)
                paths.append(path)
        except OSError as error:
            shutil.rmtree(target, ignore_errors=True)
            reason = describe_broken_link(self.folder) or error.strerror or error
            raise OutputError(f"the file of {name} cannot be kept: {reason}") from None
        return paths

    def find_folders(self, values: Any) -> list[Path]:
        """Return the folders of uploads that texts within values name, as a run that is run again does."""
        folders = set()
        for text in _list_texts(values):
            path = self._start / text
            parts = path.relative_to(self.folder).parts if path.is_relative_to(self.folder) else ()
            if parts and _IDENTITY.fullmatch(parts[0]):
                folders.add(self.folder / parts[0])
        return sorted(folders)

    def describe_store(self, store: EntityStore) -> str:
        """Return what a mark says of a store: its location, or `.` for the one of this folder, which may be moved."""
        location = store.location()
        return "." if location == str(self._home) else location

    def discard(self, paths: Sequence[Path]) -> None:
        """Remove files whose run has not begun."""
        for folder in {path.parent for path in paths}:
            self._remove(folder)

    def clean(self, store: EntityStore) -> int:
        """Remove the uploads of runs that the store has no more; return how many. Errors: PlatformError.

        Marks of another store keep their uploads: nobody knows here whether its runs are gone.
        """
        removed = 0
        for folder in self._list_folders():
            with suppress(OSError):  # another tab has removed it
                if self._is_left(folder, store):
                    self._remove(folder)
                    removed += 1
        return removed

    def _list_folders(self) -> list[Path]:
        if self.folder.is_symlink() or not self.folder.is_dir():
            return []
        paths = (path for path in self.folder.iterdir() if _IDENTITY.fullmatch(path.name))
        return sorted(path for path in paths if path.is_dir() and not path.is_symlink())

    def _is_left(self, folder: Path, store: EntityStore) -> bool:
        mark, location = _locate_mark(folder), self.describe_store(store)
        try:
            users = [json.loads(line) for line in mark.read_text(encoding="utf-8").splitlines()]
            if time.time() - mark.stat().st_mtime < _FRESH:
                return False
        except FileNotFoundError:
            users = []
        except ValueError:  # written by another version
            return False
        if any(_is_live(user) or user.get("store", location) != location for user in users):
            return False
        runs = dict.fromkeys(user["run"] for user in users if "run" in user)
        if not runs:
            return time.time() - folder.stat().st_mtime > _YOUNG
        return not any(_exists(run, store) for run in runs)

    @staticmethod
    def _remove(folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        _locate_mark(folder).unlink(missing_ok=True)


def mark_uploads(folders: Iterable[Path], **user: Any) -> None:
    """Say what files are used by; they may be used by several. Errors: OutputError.

    `run` is a key, and `store` where it is recorded; `process` is an identity; without any, a start is under way.
    """
    try:
        for folder in folders:
            if folder.is_dir():
                with _locate_mark(folder).open("a", encoding="utf-8") as mark:
                    mark.write(f"{json.dumps(user)}\n")
    except OSError as error:
        raise OutputError(f"the files that were sent cannot be marked: {error.strerror or error}") from None


def _locate_mark(folder: Path) -> Path:
    return folder.with_name(folder.name + _MARK)


def _list_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _list_texts(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _list_texts(item)


def _is_live(user: Mapping[str, Any]) -> bool:
    """Return whether a process still uses an upload; one that cannot be seen from here may."""
    return "process" in user and is_alive(ProcessIdentity(*user["process"])) is not False


def _exists(run: str, store: EntityStore) -> bool:
    try:
        store.read_state(parse_key(run))
    except InputError:
        return False
    return True


def _clean_name(name: str) -> str:
    """Return a file name without folders and odd characters, whose bytes a file system takes."""
    name = re.sub(r"[^\w.-]", "_", Path(name.replace("\\", "/")).name)
    return name.encode()[-_LONGEST:].decode("utf-8", "ignore").lstrip(".") or "file"

"""The base of entities with a path, for the modules that read and write their files."""

from __future__ import annotations

from os.path import normpath

from ...errors import InputError
from .entity import Entity

CSV_INDEX = "csv_index"  # in the status: the names of the index that a table has as the first columns of its CSV file


class PathEntity(Entity):
    """An entity whose `spec.path` is a file, or a folder when it ends in `/`."""

    def _path(self) -> str:
        """Return the path or URL of the files. Errors: InputError if the entity has no path."""
        path = self.spec.get("path")
        if not isinstance(path, str) or not path or "\0" in path:
            raise InputError(f"{self.key} has no file: its state is {self.status.state}", hint="`spec.path` is empty")
        return path

    def _is_stored(self) -> bool:
        """Return whether the files are the store's own copy, not the user's."""
        return normpath(self._path()).startswith(self._store.files_root().rstrip("/") + "/")

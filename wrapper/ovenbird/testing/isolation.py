"""What a tested function finds around itself: variables, a project with a store of its own, secrets."""

from __future__ import annotations

import contextlib
import os
import shutil
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..common.temporary_folders import make_temporary_folder
from ..platform.local.database import Database
from ..platform.local.store import LocalStore
from ..platform.project.project import Project

# what would lead to a store that is not the test's
OUTSIDE = ("DHCORE_ENDPOINT", "OVENBIRD_STORE", "OVENBIRD_HOME", "RUN_ID", "PROJECT_NAME", "OVENBIRD_LOCAL_RUN")
REPORTED = ("OPENLINEAGE_URL", "MLFLOW_TRACKING_URI")  # where runs are reported to, and those of tests are not


@contextlib.contextmanager
def patched_environ(changes: Mapping[str, str], *, removed: tuple[str, ...] = ()) -> Iterator[None]:
    """Within the block, set some variables of this process, and remove others. Both are as before afterwards."""
    before = {name: os.environ.get(name) for name in (*changes, *removed)}
    for name in removed:
        os.environ.pop(name, None)
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class IsolatedStore(LocalStore):
    """An embedded store in a folder; by default in a new one, which is removed when nothing refers to the store."""

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        path = make_temporary_folder() if folder is None else Path(folder)
        super().__init__(path)
        self.dispose = weakref.finalize(self, _dispose, self._database, path if folder is None else None)

    def make_environ(self, secrets: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the variables for a project of this store: the secrets are among them, as in the platform."""
        outside = {name: value for name, value in os.environ.items() if name not in OUTSIDE + REPORTED}
        return {**outside, "OVENBIRD_HOME": str(self.home), **(secrets or {})}

    def project(self, name: str, secrets: Mapping[str, str] | None = None) -> Project:
        """Return a project of the store."""
        return Project(self, name, self.make_environ(secrets))


def _dispose(database: Database, folder: Path | None) -> None:
    database.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)

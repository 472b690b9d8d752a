"""What a store in a database has beside its tables: where files go, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...errors import PlatformError
from ..keys import EntityKey
from .database import Database

_HURRY = 3.0  # seconds of attempts in a process that is about to be killed


class StorePlaces:
    """The database, and the folder of this machine for files that go nowhere else."""

    has_log_files = False  # each process sends what it has written into a file of its own

    def __init__(self, database: Database, home: Path) -> None:
        self._database = database
        self.home = home

    def open(self, project: str) -> None:
        """Do nothing: a project exists once it has an entity."""

    def check_name(self, name: str, label: str) -> None:
        """Do nothing: `keys.check_name` has checked all that this store requires."""

    def resume(self, key: EntityKey) -> None:
        """Refuse: the memory of a stopped process cannot be restored."""
        raise PlatformError(f"{key} cannot be resumed: its process has ended", hint="`ovenbird run` starts another")

    def read_secret(self, project: str, name: str) -> str | None:  # noqa: ARG002  # of EntityStore
        """Return None: this store keeps no values of secrets."""
        return None

    def write_secret(self, project: str, name: str, value: str | None) -> None:  # noqa: ARG002  # of EntityStore
        """Refuse a value: whoever may read the database could read it."""
        if value is not None:
            raise PlatformError(
                f"the value of secret {name} is not stored: whoever may read {self.location()} could read it",
                hint="give it as a variable of the environment, in a cluster from a Secret",
            )

    def location(self) -> str:
        """Return the address of the database, without user and password."""
        return self._database.url.address

    def files_root(self) -> str:
        """Return the folder of files of this machine."""
        return str(self.home / "files")

    def files_store(self, project: str, environ: Mapping[str, str]) -> str:  # noqa: ARG002  # of EntityStore
        """Return the same for all projects: what the environment asks for, else a folder of this machine."""
        return environ.get("DHCORE_DEFAULT_FILES_STORE") or self.files_root()

    def storage_environ(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return the environment as it is."""
        return environ

    def renew_credentials(self) -> bool:
        """Return False: the store has no credentials for files to renew."""
        return False

    def limit_waits(self) -> None:
        """Try again for a few seconds only."""
        self._database.patience = min(self._database.patience, _HURRY)

"""What the stores with tables of their own have in common, whichever database the tables are in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, PlatformError
from .keys import EntityKey, parse_key
from .store import ANNOTATIONS, EntityStore, Record, get_annotations, make_project_key, make_project_record


class TableStore(EntityStore):
    """A store with tables of its own, and a folder of this machine, `home`, for files that go nowhere else."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._annotations: dict[str, dict[str, Any]] = {}  # annotations that this process last gave to its runs

    def open(self, project: str) -> None:
        """Do nothing: a project exists once it has an entity."""

    def check_name(self, name: str, label: str) -> None:
        """Do nothing: `keys.check_name` has checked all that these stores require."""

    def resume(self, key: EntityKey) -> None:
        """Refuse: the memory of a stopped process cannot be restored."""
        raise PlatformError(f"{key} cannot be resumed: its process has ended", hint="`ovenbird run` starts another")

    def find_revision(self, project: str, name: str, kind: str, spec: Mapping[str, Any]) -> Record | None:
        """Return the latest revision of the function, if it has exactly this spec."""
        rows = self.list_summaries("function", project=project, name=name, kind=kind, limit=1)
        record = self.read(parse_key(rows[0].key)) if rows else None
        return record if record and record["spec"] == spec else None

    def read_last_metrics(self, key: EntityKey) -> dict[str, float]:
        """Return the last number of each metric."""
        return self.list_last_metrics([key])[0]

    def read_project(self, name: str) -> Record:
        """Return the project as it was saved, else as it is without being saved."""
        try:
            return self.read(make_project_key(name))
        except InputError:
            return make_project_record(name)

    def write_project(self, record: Record, *, new: bool) -> None:
        """Store the project. A project exists even if it was never saved."""
        try:
            exists = bool(self.read(make_project_key(record["name"])))
        except InputError:
            exists = False
        if new or not exists:
            self.create(record)
        else:
            self.update(record)

    def files_root(self) -> str:
        """Return the folder of files of this machine."""
        return str(self.home / "files")

    def files_store(self, project: str, environ: Mapping[str, str]) -> str:  # noqa: ARG002  # of EntityStore
        """Return the same for all projects: what the environment asks for, else the folder of this machine."""
        return environ.get("DHCORE_DEFAULT_FILES_STORE") or self.files_root()

    def storage_environ(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return the environment as it is."""
        return environ

    def renew_credentials(self) -> bool:
        """Return False: these stores have no credentials to renew."""
        return False

    def _merge_annotations(self, record: Record, stored: Record) -> Record:
        """Return a record of this process's run with annotations that others have changed in the stored one."""
        before, current, metadata = self._annotations[record["id"]], get_annotations(record), stored["metadata"]
        newer = {
            name: metadata.get(name) for name in ANNOTATIONS if current[name] == before[name] != metadata.get(name)
        }
        return {**record, "metadata": {**record["metadata"], **newer}} if newer else record

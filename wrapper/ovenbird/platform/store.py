"""What a store of entities does: the interface of the embedded one and of DigitalHub Core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from .keys import EntityKey, run_key

Record = dict[str, Any]
"""The whole entity: `{id, kind, name, project, key, user, type, metadata, spec, status}`, plain JSON values."""

ANNOTATIONS = ("name", "labels", "description", "version")  # metadata that people change while a run goes on
FINAL = ("COMPLETED", "ERROR", "STOPPED")
STATES = ("CREATED", "BUILT", "READY", "PENDING", "RUNNING", "STOP", *FINAL)
"""States of a run; STOP is that of one which Core has been asked to stop, and which has not ended yet."""


class EntitySummary(NamedTuple):
    """One line of a listing. Times are ISO 8601 in UTC; `function` is the key of what a run runs."""

    project: str
    type: str
    kind: str
    name: str
    id: str
    state: str
    created: str
    updated: str
    function: str | None
    started: str | None
    ended: str | None

    @property
    def key(self) -> str:
        """Return the key of the entity, with its version."""
        return str(run_key(self.project, self.id, self.kind) if self.type == "run" else EntityKey(*self[:5]))


class EntityStore(Protocol):
    """Keeps entities, the metrics and logs of runs, and says where files go.

    Every method raises PlatformError when the store cannot be used.
    """

    def create(self, record: Record, *, owned: bool = False) -> None:
        """Add the entity; `owned`: it is a run that ends when this process does. PlatformError if the id is taken."""

    def open(self, project: str) -> None:
        """Look whether the project can be used, before anything is done in it."""

    def update(self, record: Record) -> str:
        """Replace the entity's metadata, spec and status; its metrics stay. PlatformError if there is none.

        The state that the entity has then: in a store that others write too it may be another than the record's.
        """

    def read(self, key: EntityKey) -> Record:
        """Return the entity, or the latest complete version of its name; an empty kind is any. Errors: InputError."""

    def read_state(self, key: EntityKey) -> str:
        """Return the state that the run has now, without all else that is known of it. InputError if there is none."""

    def find_revision(self, project: str, name: str, kind: str, spec: Mapping[str, Any]) -> Record | None:
        """Return the latest revision of the function `name`, if it is the one with this spec."""

    def list_summaries(
        self,
        entity_type: str,
        *,
        project: str | None = None,
        name: str | None = None,
        kind: str | None = None,
        state: str | None = None,
        function: str | None = None,
        identity: str | None = None,
        versions: bool = True,
        limit: int | None = None,
    ) -> list[EntitySummary]:
        """Entities, newest first; `identity` is the beginning of an id; without `versions`, the latest of each name."""

    def iterate_records(
        self,
        entity_type: str,
        *,
        project: str | None = None,
        state: str | None = None,
        name: str | None = None,
        versions: bool = True,
    ) -> Iterator[Record]:
        """Yield entities of a type, newest first and without metrics; each is read when it is needed.

        Without `versions`, at least the latest of each name is among them.
        """

    def read_last_metrics(self, key: EntityKey) -> dict[str, float]:
        """Return the last number of each metric of a run or a model."""

    def annotate(self, key: EntityKey, change: Callable[[dict[str, Any]], None]) -> Record:
        """Change an entity's metadata while others may write it; the entity as it is then. InputError if none."""

    def remove(self, key: EntityKey) -> None:
        """Forget the entity, its metrics and its log; its files are the caller's. PlatformError if it still runs."""

    def check_name(self, name: str, label: str) -> None:
        """Raise an InputError when this store does not take an entity of that name."""

    def append_metrics(
        self, key: EntityKey, values: Mapping[str, Sequence[float]], *, replace: bool, single: bool
    ) -> None:
        """Add numbers to metrics of an entity, as `metrics.merge` says: `replace` drops what was there, `single` keeps
        a first number as a number instead of a series of one."""

    def flush_metrics(self) -> dict[str, dict[str, Any]]:
        """Write what is still held back of metrics; what the store does not take, by key of the entity and by name."""

    def stop(self, key: EntityKey) -> None:
        """Ask a run to stop; nothing for one that has ended. PlatformError where its process cannot be reached."""

    def resume(self, key: EntityKey) -> None:
        """Let a stopped run go on. PlatformError where that cannot be done."""

    def read_project(self, name: str) -> Record:
        """Return the project itself: its metadata, spec and status."""

    def write_project(self, record: Record, *, new: bool) -> None:
        """Add the project, or replace its metadata and spec. PlatformError if it is there, or is not."""

    def read_secret(self, project: str, name: str) -> str | None:
        """Return the value of a secret, None when there is none."""

    def write_secret(self, project: str, name: str, value: str | None) -> None:
        """Keep the value of a secret, in no record; None forgets it."""

    def location(self) -> str:
        """Return where the store is, for people: a folder or an address."""

    def files_root(self) -> str:
        """Return the folder of the store's own files; what lies elsewhere is never below it."""

    def files_store(self, project: str, environ: Mapping[str, str]) -> str:
        """Return the folder or URL below which files of the project go unless something else is asked for."""

    def storage_environ(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return the environment for reaching files: `environ`, with the credentials that the store has been given."""

    def renew_credentials(self) -> bool:
        """Return whether there are new credentials for reaching files, after the present ones were not accepted."""

    def limit_waits(self) -> None:
        """Wait for nothing from now on: the process has been told to end, and will be killed."""

    def log_file(self, project: str, identity: str) -> Path | None:
        """Return the local file that takes the log of a run; None when the store keeps no log of its own."""

    def log_lines(self, project: str, identity: str) -> Iterable[str]:
        """Return the log of a run so far; InputError if there is none."""

    def reap(self) -> list[str]:
        """Record as ERROR the runs whose process is gone; their keys."""

    def close(self) -> None:
        """Let go of what the store holds."""


def format_timestamp(seconds: float | None = None) -> str:
    """Return a moment in UTC as ISO 8601 with milliseconds; now unless told."""
    seconds = time.time() if seconds is None else seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


def get_annotations(record: Record) -> dict[str, Any]:
    """Return what people say of an entity."""
    return {name: record["metadata"].get(name) for name in ANNOTATIONS}


def make_project_record(name: str) -> Record:
    """Return a project that nothing is recorded of yet."""
    return {
        "id": name, "type": "project", "kind": "project", "name": name, "project": name, "key": f"store://{name}",
        "user": "", "metadata": {"project": name, "name": name}, "spec": {}, "status": {"state": "CREATED"},
    }  # fmt: skip

"""The interface of a store of entities: the embedded store, PostgreSQL and DigitalHub Core have it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..errors import PlatformError
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


class RecordHints(NamedTuple):
    """What the reader of records looks for: a store may leave out what does not fit, the reader checks all the same.

    `function` is a key, or the name of a function; `title` a run's name in its metadata; `since` the earliest start,
    in ISO 8601 in UTC.
    """

    function: str | None = None
    title: str | None = None
    since: str | None = None


COLUMNS = ", ".join(EntitySummary._fields)


class EntityStore(Protocol):
    """Keeps entities, the metrics and logs of runs, and says where files go.

    Every method raises PlatformError when the store cannot be used. With `has_log_files`, the log of a run is the file
    of `log_file` for every process; else that file is of the calling process alone, which sends it on. With
    `outlives_forks`, a child that is forked while the store is closed can use it; else the child opens another one.
    """

    has_log_files: bool
    outlives_forks: bool

    def create(self, record: Record, *, owned: bool = False) -> None:
        """Add the entity; `owned`: it is a run that ends when this process does. PlatformError if the id is taken."""

    def open(self, project: str) -> None:
        """Check that the project can be used, before anything is stored in it."""

    def update(self, record: Record) -> str:
        """Replace the entity's metadata, spec and status; its metrics stay. PlatformError if it does not exist.

        Return the state of the entity, which others may have changed meanwhile.
        """

    def read(self, key: EntityKey) -> Record:
        """Return the entity, or the latest complete version of its name; an empty kind is any. Errors: InputError."""

    def read_state(self, key: EntityKey) -> str:
        """Return the current state of the run, without reading the rest. InputError if it does not exist."""

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
        """Return entities, newest first; `identity` begins an id; without `versions`, the latest of each name."""

    def iterate_records(
        self,
        entity_type: str,
        *,
        project: str | None = None,
        state: str | None = None,
        name: str | None = None,
        versions: bool = True,
        hints: RecordHints | None = None,
    ) -> Iterator[Record]:
        """Yield entities of a type, newest first and without metrics; each is read when it is needed.

        Without `versions`, at least the latest of each name is among them. With `hints`, at least all that fit.
        """

    def read_last_metrics(self, key: EntityKey) -> dict[str, float]:
        """Return the last number of each metric of a run or a model."""

    def list_last_metrics(self, keys: Sequence[EntityKey]) -> list[dict[str, float]]:
        """Return the last number of each metric of several runs or models, in the order of their keys."""

    def annotate(self, key: EntityKey, change: Callable[[dict[str, Any]], None]) -> Record:
        """Change an entity's metadata while others may write it, and return the entity. InputError if it is missing."""

    def check_removable(self, key: EntityKey) -> None:
        """Raise PlatformError for a run that is still running. Errors: InputError for what does not exist."""

    def remove(self, key: EntityKey) -> None:
        """Delete the entity, its metrics and its log, but no files. PlatformError if it still runs."""

    def check_name(self, name: str, label: str) -> None:
        """Raise an InputError when this store does not take an entity of that name."""

    def append_metrics(
        self, key: EntityKey, values: Mapping[str, Sequence[float]], *, replace: bool, single: bool
    ) -> None:
        """Add numbers to metrics of an entity, as `metrics.merge` says: `replace` drops what was there, `single` keeps
        a first number as a number instead of a series of one."""

    def flush_metrics(self) -> dict[str, dict[str, Any]]:
        """Write held-back metrics. Return those that the store refuses, by the entity's key and by name."""

    def stop(self, key: EntityKey) -> None:
        """Ask a run to stop, unless it has ended. PlatformError if its process cannot be reached."""

    def resume(self, key: EntityKey) -> None:
        """Resume a stopped run. PlatformError if that is not possible."""

    def read_project(self, name: str) -> Record:
        """Return the record of the project: its metadata, spec and status."""

    def write_project(self, record: Record, *, new: bool) -> None:
        """Add the project, or replace its metadata and spec. PlatformError if it exists, or does not."""

    def read_secret(self, project: str, name: str) -> str | None:
        """Return the value of a secret, or None."""

    def write_secret(self, project: str, name: str, value: str | None) -> None:
        """Store the value of a secret, outside of its record; None deletes it."""

    def location(self) -> str:
        """Return where the store is, for people: a folder or an address."""

    def files_root(self) -> str:
        """Return the folder of the store's own files."""

    def files_store(self, project: str, environ: Mapping[str, str]) -> str:
        """Return the folder or URL below which files of the project go unless something else is asked for."""

    def storage_environ(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """Return the environment for reaching files: `environ`, with the credentials that the store has been given."""

    def renew_credentials(self) -> bool:
        """Renew the credentials for files after a refusal. Return whether there are new ones."""

    def limit_waits(self) -> None:
        """Avoid long waits from now on: the process is ending, and would be killed."""

    def log_file(self, project: str, identity: str) -> Path | None:
        """Return the local file that takes the log of a run; None when the store keeps no log of its own."""

    def flush_log(self, project: str, identity: str) -> None:
        """Store what this process has logged of its run and not stored yet."""

    def log_lines(self, project: str, identity: str) -> Iterable[str]:
        """Return the log of a run so far. InputError if it does not exist."""

    def reap(self) -> list[str]:
        """Record runs whose process has ended as ERROR, and return their keys."""

    def close(self) -> None:
        """Close connections and files of the store."""


def format_timestamp(seconds: float | None = None) -> str:
    """Return a moment in UTC as ISO 8601 with milliseconds; by default the current time."""
    seconds = time.time() if seconds is None else seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


def check_stoppable(record: Record) -> None:
    """Raise PlatformError for a run that no signal reaches, or that goes on within a program with all it holds."""
    status = record["status"]
    if (job := status.get("cluster")) and status.get("state") not in FINAL:
        raise PlatformError(
            f"run {record['id']} goes on in a cluster, as the Job {job.get('job')} in {job.get('namespace')}",
            hint=f"`ovenbird runs stop {job.get('job')} --cluster --namespace {job.get('namespace')}`",
        )
    if (status.get("launch") or {}).get("on") == "here" and status.get("state") not in FINAL:
        raise PlatformError(
            f"run {record['id']} has no process of its own: it is a call within process {status.get('pid')}",
            hint="interrupt the kernel or the program that has called for it",
        )


def get_annotations(record: Record) -> dict[str, Any]:
    """Return the annotations of an entity: name, labels, description, version."""
    return {name: record["metadata"].get(name) for name in ANNOTATIONS}


def make_project_record(name: str) -> Record:
    """Return the record of a new project."""
    return {
        "id": name, "type": "project", "kind": "project", "name": name, "project": name, "key": f"store://{name}",
        "user": "", "metadata": {"project": name, "name": name}, "spec": {}, "status": {"state": "CREATED"},
    }  # fmt: skip


def make_project_key(name: str) -> EntityKey:
    """Return the key of the record of a project."""
    return EntityKey(name, "project", "project", name, name)


def list_run_columns(record: Record) -> tuple[str | None, str | None, str | None]:
    """Return the columns that a listing shows of a run: function, start and end."""
    status = record["status"]
    values = (record["spec"].get("function"), status.get("started"), status.get("ended"))
    function, started, ended = (value if value is None else str(value) for value in values)  # user code may set them
    return function, started, ended


def get_title(record: Record) -> str | None:
    """Return the name that a run has in its metadata; None for another type, and for a run without a name."""
    title = record["metadata"].get("name") if record["type"] == "run" else None
    return None if title in (None, "", "run", record["id"]) else str(title)

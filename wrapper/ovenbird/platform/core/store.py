"""DigitalHub Core as a store: the same interface as the local one, over Core's REST API."""

from __future__ import annotations

import base64
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...common.redact import redact_url
from ...common.text import show_value
from ...errors import InputError, PlatformError, PlatformResponseError, SettingsError
from ..entities.metrics import Value
from ..keys import EntityKey
from ..store import FINAL, EntitySummary, Record, RecordHints
from . import projects, serialization
from .entities import EntityApi, entity_path
from .metrics import MetricsBuffer
from .rest_client import RestClient
from .runs import RunApi

_HURRY = 5.0  # seconds; a pod is killed 30 seconds after SIGTERM
_WITH_METRICS = ("run", "model")
_PROJECT = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")
_ARTICLES = {"artifact": "an"}
_log = logging.getLogger("ovenbird")
_warned: list[bool] = []  # whether people know that Core registers an older Python


class DigitalHubStore:
    """The Core at `DHCORE_ENDPOINT`. Core sets the state of the run `run_id` itself."""

    outlives_forks = False
    has_log_files = False  # the cluster keeps the logs

    def __init__(self, environ: Mapping[str, str], patience: float = 60.0) -> None:
        self.client = RestClient(environ, patience)
        self._environ = environ
        self._entities = EntityApi(self.client)
        self._runs = RunApi(self.client, environ.get("RUN_ID", ""))
        self._metrics = MetricsBuffer(self.client)
        self._stores: dict[str, str] = {}
        self._versions: dict[str, str] = {}

    def open(self, project: str) -> None:
        """Check that the project exists, and read where its files go. Errors: PlatformError, InputError."""
        if not _PROJECT.issuperset(project):
            hint = "Core takes lower-case letters, digits and - only: `^[a-z0-9-]+$`"
            raise InputError(f"the project {show_value(project)} cannot be in Core", hint=hint)
        try:
            document = self.client.call("GET", f"/projects/{quote(project, safe='')}")
        except PlatformResponseError as error:
            if error.status != 404:
                raise
            hint = "it is made in the console or with the platform's SDK; `--project` chooses another"
            raise PlatformError(f"{self.client.endpoint} has no project {show_value(project)}", hint=hint) from None
        config = (document.get("spec") or {}).get("config") or {}
        self._entities.projects.add(project)
        self._stores[project] = config.get("default_files_store") or ""

    def create(self, record: Record, *, owned: bool = False) -> None:
        """Add the entity. A run of this process is held back until its function is known, as Core refuses it before."""
        if record["type"] == "run" and owned:
            self._runs.hold(record)
            return
        self.check_name(record["name"], f"the name of {_ARTICLES.get(record['type'], 'a')} {record['type']}")
        if record["type"] == "function" and "python_version" not in record["spec"]:
            spec = serialization.to_function_spec(record["spec"], own_python_version())
            record = {**record, "spec": spec, "status": {"state": "CREATED"}}
            self._runs.functions[record["key"]] = spec
        try:
            created = self.client.call(
                "POST", entity_path(record["project"], record["type"]), body=serialization.to_core(record)
            )
            self._versions[record["id"]] = str((created.get("metadata") or {}).get("version") or "")
        except PlatformResponseError as error:
            if error.status != 400 or "Duplicated entity" not in error.message:
                raise
            if not error.repeated:  # else the try whose answer was lost has made it
                hint = "give another id, or save it with `update=True`"
                raise PlatformError(f"{record['key']} already exists", hint=hint) from None

    def submit_run(self, record: Record) -> None:
        """Have the platform execute a run. Errors: PlatformError."""
        self._runs.submit(record)

    def update(self, record: Record) -> str:
        """Update the entity, and return its state. Of a run, only the fields that Ovenbird owns are changed."""
        if record["type"] == "run":
            if record["status"].get("state") in FINAL:
                self._metrics.settle()  # what Core does not take of them must not keep it from knowing the end
            return self._runs.write(record)
        where = entity_path(record["project"], record["type"], record["id"])
        if len(files := record["status"].get("files") or []) > serialization.FILES_IN_STATUS:
            self.client.call("PUT", f"{where}/files/info", body=files)
        try:
            entity = serialization.to_core(record)
            if version := self._versions.get(record["id"]):  # Core's own name of it, which it drops else
                entity["metadata"] = {"version": version, **entity["metadata"]}
            answer = self.client.call("PUT", where, body=entity)
        except PlatformResponseError as error:
            if error.status == 404:
                raise PlatformError(f"{record['key']} is not in Core", hint="it was removed meanwhile") from None
            raise
        return str((answer.get("status") or {}).get("state") or record["status"].get("state"))

    def read(self, key: EntityKey) -> Record:
        """Return the entity, or the latest complete version of its name. Errors: InputError."""
        entity = self._entities.read_by_id(key, key.id) if key.id else self._entities.find_latest(key)
        record = serialization.from_core(key.type, entity)
        if key.kind and record["kind"] != key.kind:
            raise InputError(
                f"{key}: {show_value(key.name)} is not of kind {show_value(key.kind)}", hint=f"it is a {record['kind']}"
            )
        if key.type != "run" and record["name"] != key.name:
            raise InputError(
                f"{key}: the id {show_value(key.id)} is of {show_value(record['name'])}, not of {show_value(key.name)}"
            )
        if record["status"].get("files") == []:
            record["status"]["files"] = self._entities.read_files(key, record["id"])
        if key.type in _WITH_METRICS and (metrics := self._metrics.read(key.project, key.type, record["id"])):
            record["status"]["metrics"] = metrics
        return record

    def read_state(self, key: EntityKey) -> str:
        """Return the state of the run, by one call: `read` would fetch its metrics too. Errors: InputError."""
        return str((self._entities.read_by_id(key, key.id or "").get("status") or {}).get("state"))

    def find_revision(self, project: str, name: str, kind: str, spec: Mapping[str, Any]) -> Record | None:
        """Return the latest revision of the function, if it has this spec."""
        expected = serialization.to_function_spec(spec, own_python_version())
        query = {"name": name, "kind": kind, "versions": "all", "size": 1}
        latest = next(self._entities.iterate_pages(project, "function", query), None)
        if not latest or not serialization.contains_values(latest.get("spec"), expected):
            return None
        record = serialization.from_core("function", latest)
        self._runs.functions[record["key"]] = record["spec"]
        return record

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
        """Return entities of one project, newest first; Core cannot be asked for all projects at once."""
        project = self._project(project)
        function = serialization.format_function(function) if function else None
        filters = {"name": name, "kind": kind, "state": state, "function": function}
        query = {field: value for field, value in filters.items() if value is not None}
        if versions or kind or state:  # of a name, the latest that fits: Core looks at these after it has taken one
            query["versions"] = "all"
        rows: list[EntitySummary] = []
        names: set[str] = set()
        for entity in self._entities.iterate_pages(project, entity_type, query):
            if limit is not None and len(rows) >= limit:
                break
            if not versions and entity["name"] in names:
                continue
            names.add(entity["name"])
            if identity is None or str(entity["id"]).startswith(identity):
                rows.append(serialization.to_summary(entity_type, entity))
        return rows

    def iterate_records(
        self,
        entity_type: str,
        *,
        project: str | None = None,
        state: str | None = None,
        name: str | None = None,
        versions: bool = True,
        hints: RecordHints | None = None,  # noqa: ARG002  # Core has no such filters
    ) -> Iterator[Record]:
        """Yield whole entities of one project, newest first, page by page."""
        filters = {"state": state, "name": name}
        query = {field: value for field, value in filters.items() if value} | ({"versions": "all"} if versions else {})
        for entity in self._entities.iterate_pages(self._project(project), entity_type, query):
            yield serialization.from_core(entity_type, entity)

    def read_last_metrics(self, key: EntityKey) -> dict[str, float]:
        """Return the last number of each metric, by one call."""
        metrics = self._metrics.read(key.project, key.type, key.id or "") if key.type in _WITH_METRICS else {}
        values = {name: value[-1:] if isinstance(value, list) else [value] for name, value in metrics.items()}
        return {name: numbers[0] for name, numbers in values.items() if numbers}

    def list_last_metrics(self, keys: Sequence[EntityKey]) -> list[dict[str, float]]:
        """Return the same for several entities, by one call for each."""
        return [self.read_last_metrics(key) for key in keys]

    def annotate(self, key: EntityKey, change: Callable[[dict[str, Any]], None]) -> Record:
        """Change an entity's metadata: read the entity, call `change`, and write it back."""
        entity = self._entities.read_by_id(key, key.id or "")
        entity["metadata"] = dict(entity.get("metadata") or {})
        change(entity["metadata"])
        self.client.call("PUT", entity_path(key.project, key.type, key.id or ""), body=entity)
        return serialization.from_core(key.type, entity)

    def _project(self, project: str | None) -> str:
        """Return the project: the given one, else `PROJECT_NAME`. Errors: SettingsError without any."""
        if not (name := project or self._environ.get("PROJECT_NAME")):
            raise SettingsError(
                "Core is asked one project at a time", hint="`--project NAME`, or the variable `PROJECT_NAME`"
            )
        return name

    def check_removable(self, key: EntityKey) -> None:
        """Raise PlatformError for a run that has not ended."""
        if key.type == "run" and (state := self.read_state(key)) not in (*FINAL, "CREATED", "BUILT"):
            raise PlatformError(f"{key} is still running: its state is {state}", hint="stop it first")

    def remove(self, key: EntityKey) -> None:
        """Forget one version; PlatformError while it is a run that has not ended."""
        record = self.read(key)
        self.check_removable(key)
        try:
            self.client.call("DELETE", entity_path(key.project, key.type, record["id"]))
        except PlatformResponseError as error:
            if error.status != 404 or not error.repeated:
                raise

    def check_name(self, name: str, label: str) -> None:
        """Raise an InputError for a name that Core refuses."""
        if not _NAME.issuperset(name):
            hint = "Core takes letters, digits and . _ + - only: `^[a-zA-Z0-9._+-]+$`"
            raise InputError(f"{label} is {show_value(name)}, which Core refuses", hint=hint)

    def flush_metrics(self) -> dict[str, dict[str, Value]]:
        """Write held-back metrics. Return those that Core refuses, by the entity's key and by name."""
        return self._metrics.flush_metrics()

    def append_metrics(
        self, key: EntityKey, values: Mapping[str, Sequence[float]], *, replace: bool, single: bool
    ) -> None:
        """Add numbers to the series of a run or a model."""
        if key.type not in _WITH_METRICS:
            raise PlatformError(f"{key}: Core keeps metrics of runs and models only", hint="log it on the run")
        self._runs.publish_held(key.id)
        self._metrics.append(key, values, replace=replace, single=single)

    def stop(self, key: EntityKey) -> None:
        """Ask Core to stop a run. Core ends its pod; for a run elsewhere it only records the wish."""
        if self.read_state(key) not in FINAL:
            self.client.call("POST", entity_path(key.project, "run", key.id or "") + "/stop", body={})

    def resume(self, key: EntityKey) -> None:
        """Ask Core to let a stopped run go on."""
        self.client.call("POST", entity_path(key.project, "run", key.id or "") + "/resume", body={})

    def read_project(self, name: str) -> Record:
        """Return the project. Errors: PlatformError when it is not there."""
        return projects.read_project(self.client, name)

    def write_project(self, record: Record, *, new: bool) -> None:
        """Add or change the project."""
        projects.write_project(self.client, record, new=new)

    def read_secret(self, project: str, name: str) -> str | None:
        """Return the value of a secret, which Core keeps apart."""
        return projects.read_secret(self.client, project, name)

    def write_secret(self, project: str, name: str, value: str | None) -> None:
        """Have Core keep the value of a secret; it forgets the value with the secret itself."""
        if value is not None:
            projects.write_secret(self.client, project, name, value)

    def location(self) -> str:
        """Return the address of Core."""
        return redact_url(self.client.endpoint)

    def files_root(self) -> str:
        """Return None: Core has no folder on this machine."""
        return "core:"

    def files_store(self, project: str, environ: Mapping[str, str]) -> str:
        """Return where files of the project go: what its configuration says, else DHCORE_DEFAULT_FILES_STORE."""
        if project not in self._stores:
            self.open(project)
        bucket = environ.get("S3_BUCKET")
        default = environ.get("DHCORE_DEFAULT_FILES_STORE") or (f"s3://{bucket}" if bucket else "")
        if not (url := self._stores[project] or default):
            hint = "`--files-store`, or `DHCORE_DEFAULT_FILES_STORE`"
            raise SettingsError(f"project {show_value(project)} does not say where its files go", hint=hint)
        return url

    def storage_environ(self, environ: Mapping[str, str]) -> Mapping[str, str]:  # noqa: ARG002  # of Store
        """Return the environment for file storage, with the platform's credentials; renewals update it."""
        return self.client.tokens.storage

    def renew_credentials(self) -> bool:
        """Return whether the platform has handed out other credentials for its files; they expire as tokens do."""
        before = dict(self.client.tokens.storage)
        try:
            self.client.tokens.renew(self.client.tokens.make_header())
        except PlatformError:
            return False
        return before != self.client.tokens.storage

    def limit_waits(self) -> None:
        """Try again for a few seconds only."""
        self.client.patience = min(self.client.patience, _HURRY)

    def log_file(self, project: str, identity: str) -> Path | None:  # noqa: ARG002  # of Store
        """Return None: the cluster keeps the logs of its runs, and Core accepts no others."""
        return None

    def flush_log(self, project: str, identity: str) -> None:
        """Do nothing: this process keeps no log."""

    def log_lines(self, project: str, identity: str) -> Iterable[str]:
        """Return the log of a run, as the cluster has collected it."""
        try:
            containers = self.client.call("GET", entity_path(project, "run", identity) + "/logs")
        except PlatformResponseError as error:
            raise InputError(f"no log of the run {show_value(identity)}: {error.message}") from None
        logs = [base64.b64decode(container.get("content") or "") for container in containers]
        return [line for log in logs for line in log.decode("utf-8", "replace").splitlines()]

    def reap(self) -> list[str]:
        """Do nothing: Core knows by itself which runs have ended."""
        return []

    def close(self) -> None:
        """Write what is left, and close the connections."""
        self._metrics.settle()
        self.client.close()


def own_python_version() -> str:
    """Return the version of this Python, such as `3.12`. Warn once if it is too new for Core."""
    version = sys.version_info[:2]
    if version > serialization.NEWEST_PYTHON and not _warned:
        _warned.append(True)
        newest = ".".join(map(str, serialization.NEWEST_PYTHON))
        _log.warning(
            "Core knows Python up to %s: the function is registered as that, and runs on %d.%d here", newest, *version
        )
    return f"{version[0]}.{version[1]}"

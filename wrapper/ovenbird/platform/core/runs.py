"""Write the document of a run in Core. Others write it too, so it is read, changed in our fields, and written back."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote

from ...errors import PlatformError, PlatformResponseError
from .. import keys
from ..store import FINAL, Record, get_annotations
from . import serialization
from .rest_client import RestClient

_log = logging.getLogger("ovenbird")
_STEPS = ("BUILT", "READY", "RUNNING")  # Core lets a run take one after the other only


class RunApi:
    """Runs that this process writes. `remote` is the id of the run that Core executes; Core sets that run's state."""

    def __init__(self, client: RestClient, remote: str) -> None:
        self._client = client
        self._remote = remote
        self._held: dict[str, Record] = {}
        self._annotations: dict[str, dict[str, Any]] = {}  # of runs by id, as they were last written
        self.functions: dict[str, dict[str, Any]] = {}  # specs by key, of those that runs of this process are of

    def hold(self, record: Record) -> None:
        """Keep a run back until `write` or `publish_held`."""
        self._held[record["id"]] = record

    def publish_held(self, identity: str | None) -> None:
        """Add the run to Core if it has not been yet."""
        if identity in self._held:
            self._publish(self._held[identity])

    def write(self, record: Record) -> str:
        """Write our fields, and return the state of the run.

        While the run goes on, only its start is written. Its inputs and provenance are written at its end.
        """
        identity = record["id"]
        if identity in self._held:
            self._held[identity] = record
            if not record["spec"].get("function") and record["status"]["state"] not in FINAL:
                return str(record["status"]["state"])
            self._publish(record)
        if record["status"].get("state") not in FINAL:
            return str(record["status"].get("state"))
        where = self._run_path(record)
        try:
            current = self._client.call("GET", where)
        except PlatformResponseError as error:
            if error.status == 404:
                raise PlatformError(f"{record['key']} is not in Core", hint="it was removed meanwhile") from None
            raise
        annotations = get_annotations(record)
        previous = self._annotations.get(identity) or dict.fromkeys(annotations)
        self._annotations[identity] = annotations
        changed = {name: value for name, value in annotations.items() if value != previous[name]}
        entity = serialization.merge_run(current, record, changed, owned=identity != self._remote)
        target, before = entity["status"]["state"], (current.get("status") or {}).get("state")
        if target == "STOPPED" and before not in ("STOP", *FINAL) and identity != self._remote:
            self._move(where, entity, "STOP")  # Core knows no way from RUNNING to STOPPED but this one
        return self._move(where, entity, target)

    def _move(self, where: str, entity: serialization.Entity, state: str) -> str:
        """Write the run with that state, and return its state: Core answers 200 even if it did not change it."""
        entity["status"]["state"] = state
        answer = self._client.call("PUT", where, body=entity)
        return str((answer.get("status") or {}).get("state") or state)

    def _publish(self, record: Record) -> None:
        """Add the run, and take it to RUNNING. Errors: PlatformError when its function is not known."""
        if not (function := record["spec"].get("function")):
            raise PlatformError(f"{record['key']} cannot be recorded: its function could not be loaded")
        entity = serialization.to_core(record)
        self._annotations[record["id"]] = get_annotations(record)
        task = self._ensure_task(record, serialization.format_function(function))
        # what the platform calls built: the run holds all that its function and its task say
        entity["spec"] = {**self.functions.get(function, {}), **entity["spec"], "task": task}
        entity["status"] = {**entity["status"], "state": "CREATED"}
        for part in ("error", "message", "ended", "outputs", "results"):
            entity["status"].pop(part, None)
        try:
            created = self._client.call("POST", f"/-/{quote(record['project'], safe='')}/runs", body=entity)
        except PlatformResponseError as error:
            if not (error.repeated and "Duplicated entity" in error.message):
                raise
        else:  # Core drops the name of the version that it has made up when it is not written again
            entity["metadata"] = {**(created.get("metadata") or {}), **entity["metadata"]}
        for state in _STEPS:
            reached = self._move(self._run_path(record), entity, state)
            if reached != state:
                _log.warning("%s: Core keeps the state %s, where %s was asked for", record["key"], reached, state)
                break
        self._held.pop(record["id"], None)

    def submit(self, record: Record) -> None:
        """Have the platform execute a run of a function that is in Core: `spec.function` is its key."""
        function = record["spec"]["function"]
        task = self._ensure_task(record, serialization.format_function(function))
        entity = serialization.to_core(record)
        entity["spec"] = {**self.functions.get(function, {}), **entity["spec"], "task": task, "local_execution": False}
        entity["status"] = {"state": "CREATED"}
        try:
            self._client.call("POST", f"/-/{quote(record['project'], safe='')}/runs", body=entity)
        except PlatformResponseError as error:
            if not (error.repeated and "Duplicated entity" in error.message):
                raise

    def _ensure_task(self, record: Record, function: str) -> str:
        """Return `python+job://project/id`: the function's task for jobs. Create it if it does not exist."""
        kind = record["kind"].partition(":")[0]
        tasks = f"/-/{quote(record['project'], safe='')}/tasks"
        query = {"function": function, "kind": kind}
        listed: list[Any] = self._client.call("GET", tasks, query=query)["content"]
        identity = listed[0]["id"] if listed else keys.new_id()
        if not listed:
            body = {
                "id": identity, "kind": kind, "name": identity, "project": record["project"],
                "metadata": {"project": record["project"], "name": identity}, "spec": {"function": function},
                "status": {"state": "CREATED"},
            }  # fmt: skip
            try:
                self._client.call("POST", tasks, body=body)
            except PlatformResponseError as error:
                if error.status != 400 or "Duplicated entity" not in error.message:
                    raise
                # another run has made it meanwhile: a function has one task of a kind
                if not (listed := self._client.call("GET", tasks, query=query)["content"]):
                    raise
                identity = listed[0]["id"]
        return f"{kind}://{record['project']}/{identity}"

    @staticmethod
    def _run_path(record: Record) -> str:
        return f"/-/{quote(record['project'], safe='')}/runs/{quote(record['id'], safe='')}"

"""One execution of a function: its inputs, its outputs and its end."""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...common.redact import redact_text
from ...common.text import show_value
from ...errors import InputError
from .. import keys
from ..keys import RUN_KIND
from ..store import FINAL, EntityStore, format_timestamp
from .attr_dict import AttrDict
from .entity import Entity, new_record

if TYPE_CHECKING:
    from typing_extensions import Self

    from .run_log import LogText
    from .run_parts import RunProcess
    from .run_values import RunInputs, RunOutputs, RunResults

_ACTIONS = "ovenbird.sdk.actions"  # it lies above this package, and is loaded when user code runs a function


class FunctionRevision(Entity):
    """One revision of a function."""

    TYPE = "function"

    def run(
        self, action: str, wait: bool = False, log_info: bool = True, extensions: list[Any] | None = None, **kwargs: Any
    ) -> Run:  # fmt: skip
        """Run the function on this machine: `"job"` in a process, `"serve"` as a service, `"build"` makes its image.

        The arguments are those of the platform's SDK; a job that is not waited for goes on by itself. Errors:
        ArgumentsError for unknown or malformed arguments; RunFailedError for a job with `local_execution` that fails.
        """
        actions = importlib.import_module(_ACTIONS)
        run: Run = actions.run_action(self, action, wait, log_info, extensions, kwargs)
        return run

    def list_runs(
        self, q: str | None = None, name: str | None = None, kind: str | None = None, user: str | None = None,
        state: str | None = None, created: str | None = None, updated: str | None = None, task: str | None = None,
        action: str | None = None,
    ) -> list[Run]:  # fmt: skip
        """Return the runs of this revision, newest first; the filters are those of `project.list_runs`."""
        from .entity_filters import find_entities

        records = find_entities(
            self._store, "run", self.project, function=self.key, q=q, name=name, kind=kind, user=user, state=state,
            created=created, updated=updated, task=task, action=action,
        )  # fmt: skip
        return [Run(self._store, record, self._environ) for record in records]

    def get_run(self, identifier: str) -> Run:
        """Return a run of this revision, by its key or its id. Errors: InputError."""
        key = keys.parse_key(identifier) if keys.is_key(identifier) else keys.run_key(self.project, identifier)
        run = Run(self._store, self._store.read(key), self._environ)
        if not any(other.id == run.id for other in self.list_runs(name=run.name)):
            raise InputError(f"{run.key} is not a run of {self.key}")
        return run


class Run(Entity):
    """A run; `logged` holds the entities that the handler stored itself while it ran."""

    TYPE = "run"

    def __init__(self, store: EntityStore, record: dict[str, Any], environ: Mapping[str, str]) -> None:
        super().__init__(store, record, environ)
        self.logged: list[Entity] = []
        self._reader: Run | None = None  # the run that has asked for this one, and consumes what it reads of it
        self.process: RunProcess | None = None  # of a run that this process has started and does not wait for
        self.is_own = False  # whether this process has started it
        self._began = time.monotonic()
        self._recorded = record  # as it was written last: plain JSON values, which no user code holds

    def save(self, update: bool = False) -> Self:
        """Store the run, or with `update` its changes."""
        self._recorded = self._write(update)
        return self

    def consume(self, key: str) -> None:
        """Record that the run reads the entity `key`."""
        before = len(self.metadata.relationships or [])
        self.relate("consumes", key)
        if len(self.metadata.relationships) > before and self.status.state not in FINAL:
            self.save(update=True)

    def consume_other(self, key: str, other: str) -> None:
        """Replace the version that the run reads."""
        links = self.metadata.setdefault("relationships", [])
        links[:] = [link for link in links if (link.get("type"), link.get("dest")) != ("consumes", key)]
        self.consume(other)

    @property
    def state(self) -> str:
        """Return the state: RUNNING, COMPLETED, ERROR, STOPPED, ... Of a run that goes on it is read again."""
        return str(self._renew().status.state)

    @property
    def error(self) -> AttrDict | None:
        """Return `type`, `message` and `traceback` of what has failed, or None."""
        return self._renew().status.error or None

    @property
    def value(self) -> Any:
        """Return what the handler returned, read back. Errors: InputError where that cannot be read back."""
        from .run_value import read_value

        run = self._renew()
        return read_value(run, is_trusted=run.is_own and not run.status.reused_from)

    @property
    def inputs(self) -> RunInputs:
        """Return the inputs by the names of the arguments: `inputs["cities"]`, or `inputs()` as in the SDK."""
        from .run_values import RunInputs

        return RunInputs(self, self._reader.consume if self._reader else None)

    @property
    def outputs(self) -> RunOutputs:
        """Return the outputs by name: `outputs["model"]`, or `outputs(as_key=…, as_dict=…)` as in the SDK."""
        from .run_values import RunOutputs

        return RunOutputs(self._renew(), self._reader.consume if self._reader else None)

    def output(self, output_name: str, as_key: bool = False, as_dict: bool = False) -> Any:
        """Return the output with that name, else the result with that name, else None."""
        outputs = self.outputs
        if output_name not in outputs:
            return self.result(output_name)
        if as_key:
            return outputs(as_key=True)[output_name]
        output = outputs[output_name]
        return output.to_dict() if as_dict and isinstance(output, Entity) else output

    @property
    def results(self) -> RunResults:
        """Return the results by name: `results["rows"]`, or `results()` as in the SDK."""
        from .run_values import RunResults

        return RunResults(self._renew())

    def result(self, result_name: str) -> Any:
        """Return the result with that name, or None."""
        return self.results.get(result_name)

    @property
    def image(self) -> Any:
        """Return the image that a build has made, or None."""
        return self.outputs.get("image")

    def invoke(self, method: str = "POST", url: str | None = None, **kwargs: Any) -> Any:
        """Call the service of the run: `json`, `data`, `params`, `headers`, `timeout` as in the library `requests`.

        Without `json` and `data` it is a GET, unless another method is named. Errors: PlatformError without a service.
        """
        return importlib.import_module(_ACTIONS).invoke_service(self, method, url, kwargs)

    @property
    def logs(self) -> LogText:
        """Return the log so far as text; `logs()` returns it as parts with `text`, as in the SDK."""
        from .run_log import read_log

        return read_log(self)

    def follow(self) -> Self:
        """Print the log until the run has ended, and return the run. Ctrl-C ends that, and not the run."""
        from .run_log import follow_log

        follow_log(self, self.process)
        return self

    def wait(self, log_info: bool = True, timeout: float | None = None) -> Run:
        """Wait until the run has ended, or its service is ready. Read the run again and return it.

        Errors: WaitTimeoutError if it has not ended after `timeout` seconds; it goes on.
        """
        from .run_parts import wait_for

        wait_for(self, log_info, timeout, self.process)
        return self

    def stop(self) -> None:
        """Ask the run to stop, as SIGTERM does. Errors: PlatformError if its process cannot be reached."""
        self._store.stop(keys.parse_key(self.key))

    def resume(self) -> None:
        """Let a stopped run go on, in a platform that can. Errors: PlatformError."""
        self._store.resume(keys.parse_key(self.key))

    def _renew(self) -> Self:
        """Read the run again if this process has started it and it has not ended, and return it."""
        if self.process is not None and self.status.state not in FINAL:
            self.refresh()
        return self

    def set_status(self, status: Mapping[str, Any]) -> None:
        """Replace the status; `save(update=True)` stores it."""
        self.status = AttrDict(status)

    def local_execution(self) -> bool:
        """Return whether the run is executed outside of the platform."""
        return bool(self.spec.local_execution)

    def restore(self, *, all_parts: bool = False) -> list[str]:
        """Put back what user code has replaced by something that is no part of a record; the names of those parts.

        With `all_parts`: everything, as it was recorded last.
        """
        restored = []
        for name in ("id", "kind", "name", "project", "key", "user"):
            recorded = self._recorded.get(name, "")
            if type(vars(self).get(name)) is not str or getattr(self, name) != recorded:
                setattr(self, name, recorded)
                restored.append(name)
        for name in ("metadata", "spec", "status"):
            part = vars(self).get(name)
            if all_parts or not isinstance(part, AttrDict):
                setattr(self, name, AttrDict(self._recorded[name]))
                restored.append(name)
        relations = self.metadata.get("relationships")
        if not isinstance(relations, list) or not all(isinstance(entry, dict) for entry in relations):
            self.metadata.relationships = list(self._recorded["metadata"].get("relationships") or [])
            restored.append("metadata.relationships")
        if not isinstance(self.status.get("metrics") or {}, dict):
            del self.status["metrics"]
            restored.append("status.metrics")
        return restored

    def finish(self, state: str, *, message: str = "", error: Mapping[str, str] | None = None, **status: Any) -> str:
        """Record the end: COMPLETED, ERROR or STOPPED; `error` holds type, message and traceback.

        The state that the run has in the store then: STOPPED when somebody has stopped it meanwhile, and RUNNING in a
        platform that sees for itself how its process ends. `status` takes whatever else belongs to the record:
        `outputs`, `results`.
        """
        if state not in FINAL:
            raise ValueError(f"{show_value(state)} is not a final state")
        self.status.update(
            state=state, ended=format_timestamp(), seconds=round(time.monotonic() - self._began, 6), **status
        )
        if message:
            self.status.message = redact_text(message)
        if error is not None:
            self.status.error = {name: redact_text(text) for name, text in error.items()}
        self.metadata.updated = format_timestamp()
        return self._store.update(self.to_dict())


def run_metadata(name: str = "", tags: Mapping[str, Any] | None = None, note: str = "") -> dict[str, Any]:
    """Return the metadata that people give a run, in the platform's fields: name, labels, description."""
    labels = [f"{key}={value}" if value != "" else key for key, value in (tags or {}).items()]
    fields = {"name": name, "labels": labels, "description": note}
    return {field: value for field, value in fields.items() if value}


def start_run(
    store: EntityStore,
    project: str,
    environ: Mapping[str, str],
    *,
    function: str | None = None,
    spec: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    identity: str | None = None,
    kind: str = RUN_KIND,
) -> Run:
    """Record a run of this process as RUNNING; `function` is the key of the function's revision.

    `metadata` takes what people say of it, as `run_metadata` gives it; `spec` takes `parameters` and `inputs`; `status`
    takes `provenance`: digests of source, lock, image, Python. Should the process be killed, the next start records the
    run as ERROR.
    """
    record = new_record(project, "run", kind, identity or "run", identity=identity, spec={**(spec or {})})
    record["spec"].update({"function": function, "local_execution": True} if function else {"local_execution": True})
    record["status"] = {"state": "RUNNING", "started": format_timestamp(), **(status or {})}
    record["metadata"].update(metadata or {})
    if function:
        record["metadata"]["relationships"].append({"type": "run_of", "dest": function})
    store.create(record, owned=True)
    return Run(store, record, environ)

"""Run a handler once: record, load, arguments, init, call, outputs, record.

What only some runs need (inputs, outputs, an event loop) is imported when a run needs it: an empty run has to be quick.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..errors import ArgumentsError, DocumentError, OutputError, OvenbirdError, PlatformError, TimeLimitError
from ..function.bind import JOB, Binder
from ..function.context import Context, current_call
from ..function.decorator import outputs_of
from ..function.handler import Handler
from ..function.load import load
from ..function.target import DEFAULT_ATTRIBUTE, Target
from ..function.traces import summary
from ..platform.local import open_local
from ..platform.project import Project, name_of
from ..platform.run import Run, start
from ..platform.store import Store
from ..settings import Settings
from . import arguments
from .call import call
from .interrupt import Interrupted, interruptible
from .outcome import Ended, Outcome
from .provenance import function_spec, provenance
from .tee import kept

STOPPED, INTERRUPTED = 143, 130
_NOT_REPLACED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)
_log = logging.getLogger("ovenbird")
_open: list[
    Store
] = []  # never closed: the process ends with the run, and before Python 3.12 closing waits for the disk


class JobCall:
    """The ids under which a run logs: its own, and the trace of whoever started it (variable TRACEPARENT).

    A run that nobody's trace started is a trace of its own, with the run's id.
    """

    def __init__(self, identity: str, traceparent: str) -> None:
        self.request_id = identity
        self.trace_id, self.span_id = identity, identity[:16]
        if traceparent:
            from ..trace import continued

            found = continued(traceparent.encode())
            self.trace_id, self.span_id = found.trace_id, found.span_id
        self.traceparent = f"00-{self.trace_id}-{self.span_id}-00"


def run(target: Target, settings: Settings, environ: Mapping[str, str]) -> int:
    """Run the target's handler once. The exit status. Errors: OvenbirdError where not even a record could be made."""
    parameters = {**_params_file(settings.params), **settings.param}
    name = name_of(settings.project, environ, target.function.project if target.function else "")
    store = open_local(environ)
    _open.append(store)
    spec = {"parameters": _shown(parameters), "inputs": dict(settings.input)}
    record = start(store, name, environ, spec=spec, status={"pid": os.getpid()})
    current_call.set(JobCall(record.id, environ.get("TRACEPARENT", "")))
    with kept(store.log_file(name, record.id)):
        return _Job(target, settings, environ, store, record).run(parameters)


class _Job:
    """One run that has a record."""

    def __init__(
        self, target: Target, settings: Settings, environ: Mapping[str, str], store: Store, record: Run
    ) -> None:
        self.target = target
        self.settings = settings
        self.environ = environ
        self.store = store
        self.record = record
        self.project = Project(store, record.project, environ, files_store=settings.files_store, run=record)
        self.outcome = Outcome()

    def run(self, parameters: dict[str, Any]) -> int:
        """Run, and record how it ended; the exit status."""
        state, code, error = "COMPLETED", 0, None
        try:
            with interruptible(self.settings.timeout):
                self._execute(parameters)
        except Ended as ended:
            state, code, error = ended.state, ended.exit_code, ended.error
        except Interrupted as stop:
            state, code, error = self._stopped(stop)
        except OvenbirdError as raised:
            state, code = "ERROR", raised.exit_code
            error = {"type": raised.code, "message": str(raised), "traceback": raised.cause}
        except BaseException as broken:  # a fault of ours: the record must be true all the same
            state, code = "ERROR", 1
            error = {"type": type(broken).__name__, "message": summary(broken), "traceback": traceback.format_exc()}
        return self._end(state, code, error)

    def _execute(self, parameters: dict[str, Any]) -> None:
        """Load, bind, init, call, store. Errors: OvenbirdError, Interrupted; Ended for what the user's code did."""
        handler = self._load()
        binder = handler.binder
        if binder is None:
            raise ArgumentsError(f"{handler.name} is an {handler.shape.value}: it can be served, not run as a job")
        names = outputs_of(handler.loaded.found)
        if names:
            from . import outputs

            outputs.check_names(names)
        arguments.check_names(binder, parameters, self.settings.input)
        values = arguments.convert(binder, parameters)
        if self.settings.input:
            from . import inputs

            values |= inputs.read(binder, self.project, self.settings.input)
        root = str(self.target.root)
        context = Context(handler.name, root=root, trigger="job", project=self.project, run=self.record)
        values |= self._reserved(binder, context)
        self._store(call(handler, context, self.settings.init, values), names)

    def _load(self) -> Handler:
        """The handler; the revision of its function is registered, and linked, even when it does not load."""
        target = self.target
        title = _title(target)
        _log.info("run %s of %s", self.record.key, title)
        spec: dict[str, Any] = {"source": {"handler": str(target), "root": str(target.root)}}
        try:
            loaded = load(target)
            spec = function_spec(loaded)
            self.record.status.provenance = provenance(loaded, self.environ)
        finally:
            function = self.project.register_function(title, spec)
            self.record.spec.function = function.key
            self.record.relate("run_of", function.key)
            self.record.save(update=True)
        return Handler(loaded, JOB, fields_only=True)

    def _reserved(self, binder: Binder, context: Context) -> dict[str, Any]:
        known = {"context": context, "project": self.project, "run": self.record}
        if "event" in binder.reserved.values():
            from ..function.event import Event

            known["event"] = Event(dict(self.record.spec), trigger="job", request_id=lambda: self.record.id)
        return {name: known[kind] for name, kind in binder.reserved.items()}

    def _store(self, value: Any, names: Sequence[Any]) -> None:
        """Store what the handler returned. Errors: OutputError."""
        if value is None:
            return
        from . import outputs

        outputs.store(value, names, self.project, self.outcome)
        if self.settings.output_dir:
            outputs.copy(self.outcome, self.store, self.environ, self.settings.output_dir)

    def _stopped(self, stop: Interrupted) -> tuple[str, int, dict[str, str]]:
        if stop.reason == "time limit":
            message = f"stopped by the time limit of {self.settings.timeout:g} seconds"
            state, code, kind = "ERROR", TimeLimitError.exit_code, TimeLimitError.code
        else:
            number, code = ("SIGTERM", STOPPED) if stop.reason == "stopped" else ("SIGINT", INTERRUPTED)
            state, kind, message = "STOPPED", "stopped", f"stopped by {number}"
        return state, code, {"type": kind, "message": message, "traceback": ""}

    def _end(self, state: str, code: int, error: dict[str, str] | None) -> int:
        """Record the end; the exit status. Errors: PlatformError that names what was stored."""
        self._keep_logged()
        self._tell(state, error)
        try:
            self.record.finish(
                state, message=error["message"] if error else "", error=error,
                outputs=self.outcome.outputs, results=self.outcome.results,
            )  # fmt: skip
        except OvenbirdError as unrecorded:
            stored = ", ".join(self.outcome.outputs.values()) or "none"
            failed = PlatformError(
                f"the run ended as {state} and could not be recorded: {unrecorded.message}; outputs stored: {stored}",
                hint=unrecorded.hint,
            )
            self._result_file("ERROR", {"type": failed.code, "message": str(failed), "traceback": ""})
            raise failed from unrecorded
        written = self._result_file(state, error)
        return code or (0 if written else OutputError.exit_code)

    def _keep_logged(self) -> None:
        """Count what the handler has stored itself among the outputs, under its own name."""
        returned = set(self.outcome.outputs.values())
        for entity in self.record.logged:
            if entity.key not in returned:
                self.outcome.outputs.setdefault(entity.name, entity.key)

    def _tell(self, state: str, error: dict[str, str] | None) -> None:
        """Log how the run ended, and what it made."""
        for name, key in self.outcome.outputs.items():
            _log.info("output %s: %s", name, key)
        for name, value in self.outcome.results.items():
            _log.info("result %s: %s", name, str(value)[:200])
        if error:
            extra = {"fields": {"state": state, "error": error["type"]}, "traceback": error["traceback"]}
            _log.error("%s: %s", state, error["message"], extra=extra)
        else:
            _log.info("%s", state, extra={"fields": {"state": state}})

    def _result_file(self, state: str, error: dict[str, str] | None) -> bool:
        """Write the result file. Whether that could be done."""
        if not self.settings.result_file:
            return True
        path = Path(self.settings.result_file)
        found = {
            "id": self.record.id, "key": self.record.key, "state": state, "results": self.outcome.results,
            "outputs": self.outcome.outputs, "metrics": dict(self.record.status.metrics or {}), "error": error,
        }  # fmt: skip
        try:
            _write(path, msgspec.json.format(msgspec.json.encode(found)) + b"\n")
        except OSError as failed:
            _log.error("--result-file %r was not written: %s", str(path), failed.strerror or failed)
            return False
        return True


def _write(path: Path, content: bytes) -> None:
    """Write a file whole: under a temporary name, then renamed; in place where that cannot be or must not be.

    That is a pipe or a device (/dev/stdout), and a file that is mounted by itself (/dev/termination-log).
    """
    special = path.is_symlink() or (path.exists() and not path.is_file())
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if special:
            path.write_bytes(content)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if special or not path.is_file() or error.errno not in _NOT_REPLACED:
            raise
        path.write_bytes(content)


def _title(target: Target) -> str:
    """The function's name: the document's, else the attribute's, else (it is just `handler`) the module's."""
    if target.function:
        return target.function.name
    name = target.attribute.rpartition(".")[2]
    return target.module.rpartition(".")[2] if name == DEFAULT_ATTRIBUTE else name


def _params_file(name: str) -> dict[str, Any]:
    """Parameters from a JSON or YAML file. Errors: ArgumentsError."""
    if not name:
        return {}
    try:
        text = Path(name).read_bytes()
        found = _parsed(text, name)
    except OSError as error:
        raise ArgumentsError(f"--params: cannot read {name!r}: {error.strerror}") from None
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise ArgumentsError(f"--params: {name!r} does not hold a mapping of names to values")
    return found


def _parsed(text: bytes, name: str) -> Any:
    try:
        if name.endswith((".yaml", ".yml")):
            from ..document import parse

            return parse(text.decode(), name)
        return msgspec.json.decode(text)
    except DocumentError as error:
        raise ArgumentsError(error.message.replace("the function document", "--params:")) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        hint = "JSON, or YAML in a file called .yaml"
        raise ArgumentsError(f"--params: {name!r} is not JSON: {error}", hint=hint) from None


def _shown(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as they are recorded: what was typed as JSON where it is JSON."""
    return {name: arguments.plain(value) for name, value in parameters.items()}

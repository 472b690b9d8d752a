"""Run a handler once: record, inputs, init, call, outputs, record."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..errors import ArgumentsError, HandlerError, InitError, OutputError, OvenbirdError, PlatformError, TimeLimitError
from ..function.bind import JOB, Binder
from ..function.context import Context, current_call
from ..function.decorator import outputs_of
from ..function.handler import Handler
from ..function.load import Loaded, load
from ..function.target import Target
from ..function.traces import summary, user_traceback
from ..platform import keys, queries
from ..platform.local import open_local
from ..platform.project import Project
from ..platform.run import Run, start
from ..platform.store import Store
from ..settings import Settings
from ..trace import Trace, continued
from . import arguments, outputs
from .interrupt import Interrupted, interruptible
from .provenance import function_spec, provenance
from .tee import kept

STOPPED, INTERRUPTED = 143, 130
_log = logging.getLogger("ovenbird")


class Ended(Exception):
    """How a run ended, other than well: its state, exit status, and what is recorded as its error."""

    def __init__(self, state: str, exit_code: int, error: Mapping[str, str]) -> None:
        super().__init__(error["message"])
        self.state = state
        self.exit_code = exit_code
        self.error = dict(error)


class JobCall:
    """The ids under which a run logs: its own, and the trace of whoever started it (variable TRACEPARENT)."""

    def __init__(self, identity: str, trace: Trace) -> None:
        self.request_id = identity
        self.trace_id = trace.trace_id
        self.span_id = trace.span_id
        self.traceparent = trace.traceparent


def run(target: Target, settings: Settings, environ: Mapping[str, str]) -> int:
    """Run the target's handler once. The exit status. Errors: OvenbirdError where not even a record could be made."""
    parameters = {**_params_file(settings.params), **settings.param}
    document = target.function
    name = settings.project or environ.get("PROJECT_NAME") or (document.project if document else "") or "default"
    store = open_local(environ)
    try:
        return _recorded(target, settings, environ, store, name, parameters)
    finally:
        store.close()


def _recorded(
    target: Target, settings: Settings, environ: Mapping[str, str], store: Store, name: str, parameters: dict[str, Any]
) -> int:
    """Load the function and make the record; then whatever happens goes into it."""
    failed: OvenbirdError | None = None
    loaded: Loaded | None = None
    handler: Handler | None = None
    try:
        loaded = load(target)
        handler = Handler(loaded, JOB, fields_only=True)
    except OvenbirdError as error:
        failed = error
    project = Project(store, name, environ)
    title = target.function.name if target.function else target.attribute.rpartition(".")[2]
    spec = function_spec(loaded) if loaded else {"source": {"handler": str(target), "root": str(target.root)}}
    function = project.register_function(title, spec)
    record = start(
        store, name, environ,
        function=function.key,
        spec={"parameters": _shown(parameters), "inputs": dict(settings.input)},
        status={"provenance": provenance(loaded, environ) if loaded else {}, "pid": os.getpid()},
    )  # fmt: skip
    current_call.set(JobCall(record.id, continued(environ.get("TRACEPARENT", "").encode() or None)))
    with kept(store.log_file(name, record.id)):
        return _Job(store, settings, environ, name, record).end(handler, parameters, failed)


class _Job:
    """One run that has a record."""

    def __init__(self, store: Store, settings: Settings, environ: Mapping[str, str], project: str, record: Run) -> None:
        self.store = store
        self.settings = settings
        self.environ = environ
        self.record = record
        self.project = Project(store, project, environ, files_store=settings.files_store, run=record)
        self.outcome = outputs.Outcome()

    def end(self, handler: Handler | None, parameters: dict[str, Any], failed: OvenbirdError | None) -> int:
        """Run, and record how it ended; the exit status."""
        _log.info("run %s of %s", self.record.key, handler.name if handler else "a function that did not load")
        state, code, error = "COMPLETED", 0, None
        try:
            if failed is not None or handler is None:
                raise failed or HandlerError("nothing was loaded")
            with interruptible(self.settings.timeout):
                self._execute(handler, parameters)
        except Ended as ended:
            state, code, error = ended.state, ended.exit_code, ended.error
        except OvenbirdError as raised:
            state, code = "ERROR", raised.exit_code
            error = {"type": raised.code, "message": str(raised), "traceback": raised.cause}
        except BaseException as broken:  # a fault of ours: the record must be true all the same
            state, code = "ERROR", 1
            error = {"type": type(broken).__name__, "message": summary(broken), "traceback": traceback.format_exc()}
        self._tell(state, error)
        try:
            self.record.finish(
                state, message=error["message"] if error else "", error=error,
                outputs=self.outcome.outputs, results=self.outcome.results,
            )  # fmt: skip
        except OvenbirdError as unrecorded:
            kept_outputs = ", ".join([*self.outcome.outputs.values()]) or "none"
            raise PlatformError(
                f"the run ended as {state} and could not be recorded: {unrecorded.message}; "
                f"outputs stored: {kept_outputs}",
                hint=unrecorded.hint,
            ) from unrecorded
        finally:
            self._result_file(state, error)
        return code

    def _execute(self, handler: Handler, parameters: dict[str, Any]) -> None:
        """Bind, init, call, store. Errors: OvenbirdError; Ended for what the user's code did."""
        binder = handler.binder
        if binder is None:
            raise ArgumentsError(f"{handler.name} is an {handler.shape.value}: it can be served, not run as a job")
        names = outputs_of(handler.loaded.found)
        try:
            outputs.check_names(names)
            arguments.check_names(binder, parameters, self.settings.input)
            values = arguments.convert(binder, parameters)
            values |= arguments.read(binder, self.project, self.settings.input)
            values |= self._reserved(binder, context := self._context(handler))
            result = _called(lambda: self._call(handler, context, values))
            outputs.store(result, names, self.project, self.outcome)
            self._copy_outputs()
        except Interrupted as stop:
            raise self._stopped(stop) from None

    def _call(self, handler: Handler, context: Context, values: dict[str, Any]) -> Any:
        return (
            asyncio.run(_on_loop(handler, context, self.settings.init, values))
            if _is_async(handler)
            else _direct(handler, context, self.settings.init, values)
        )

    def _context(self, handler: Handler) -> Context:
        root = str(handler.loaded.target.root)
        return Context(handler.name, root=root, trigger="job", project=self.project, run=self.record)

    def _reserved(self, binder: Binder, context: Context) -> dict[str, Any]:
        from ..function.event import Event

        event = Event(dict(self.record.spec), trigger="job", request_id=lambda: self.record.id)
        known = {"context": context, "event": event, "project": self.project, "run": self.record}
        return {name: known[kind] for name, kind in binder.reserved.items()}

    def _stopped(self, stop: Interrupted) -> Ended:
        if stop.reason == "time limit":
            message = f"stopped by the time limit of {self.settings.timeout:g} seconds"
            return Ended("ERROR", TimeLimitError.exit_code, {"type": TimeLimitError.code, "message": message})
        number, code = ("SIGTERM", STOPPED) if stop.reason == "stopped" else ("SIGINT", INTERRUPTED)
        return Ended("STOPPED", code, {"type": "stopped", "message": f"stopped by {number}"})

    def _copy_outputs(self) -> None:
        """Put the files of the outputs into --output-dir too. Errors: OutputError."""
        folder = self.settings.output_dir
        if not folder:
            return
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            for key in self.outcome.outputs.values():
                queries.fetched(self.store, keys.parse(key), self.environ, folder, overwrite=True)
        except OSError as error:
            raise OutputError(f"--output-dir {folder!r}: {error.strerror or error}") from error

    def _tell(self, state: str, error: dict[str, str] | None) -> None:
        """Log how the run ended, and what it made."""
        if error:
            extra = {"fields": {"state": state, "error": error["type"]}, "traceback": error.get("traceback", "")}
            _log.error("%s: %s", state, error["message"], extra=extra)
            return
        for name, key in self.outcome.outputs.items():
            _log.info("output %s: %s", name, key)
        for name, value in self.outcome.results.items():
            _log.info("result %s: %s", name, str(value)[:200])
        _log.info("%s", state, extra={"fields": {"state": state}})

    def _result_file(self, state: str, error: dict[str, str] | None) -> None:
        """Write the result file whole: under a temporary name, then renamed."""
        if not self.settings.result_file:
            return
        path = Path(self.settings.result_file)
        found = {
            "id": self.record.id, "key": self.record.key, "state": state, "results": self.outcome.results,
            "outputs": self.outcome.outputs, "metrics": dict(self.record.status.metrics or {}), "error": error,
        }  # fmt: skip
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
            temporary.replace(path)
        except OSError as failed:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise OutputError(f"--result-file {str(path)!r}: {failed.strerror or failed}") from failed


def _called(call: Any) -> Any:
    """Call the user's code; what it raises ends the run as an error. Errors: Ended, Interrupted, InitError."""
    try:
        return call()
    except (Interrupted, InitError):
        raise
    except SystemExit as left:
        if left.code in (None, 0):
            return None  # a script's way to say that it is done
        error = {
            "type": "SystemExit",
            "message": f"the handler called sys.exit({left.code!r})",
            "traceback": user_traceback(left),
        }
        raise Ended("ERROR", HandlerError.exit_code, error) from None
    except BaseException as raised:
        error = {"type": type(raised).__name__, "message": summary(raised), "traceback": user_traceback(raised)}
        raise Ended("ERROR", HandlerError.exit_code, error) from None


def _is_async(handler: Handler) -> bool:
    loaded = handler.loaded
    init = getattr(loaded.found, "init", None) if loaded.is_class else loaded.init
    return handler.shape.on_loop or inspect.iscoroutinefunction(init)


def _direct(handler: Handler, context: Context, parameters: dict[str, Any], values: dict[str, Any]) -> Any:
    """Init, call and close, on the main thread, as a script would."""
    _init(lambda: handler.construct(context, parameters), handler)
    if init := handler.init(context, parameters):
        _init(init, handler)
    try:
        result = handler.call(**values)
        return list(result) if inspect.isgenerator(result) else result
    finally:
        if close := handler.close(context):
            close()


async def _on_loop(handler: Handler, context: Context, parameters: dict[str, Any], values: dict[str, Any]) -> Any:
    """The same, on a loop."""
    _init(lambda: handler.construct(context, parameters), handler)
    if init := handler.init(context, parameters):
        found = _init(init, handler)
        if inspect.isawaitable(found):
            await _awaited(found, handler)
    try:
        result = handler.call(**values)
        if inspect.isasyncgen(result):
            return [item async for item in result]
        return await result if inspect.isawaitable(result) else result
    finally:
        if close := handler.close(context):
            found = close()
            if inspect.isawaitable(found):
                await found


def _init(work: Any, handler: Handler) -> Any:
    try:
        return work()
    except (Interrupted, InitError):
        raise
    except BaseException as error:
        raise InitError(f"init of {handler.name} raised {summary(error)}", cause=user_traceback(error)) from None


async def _awaited(found: Any, handler: Handler) -> None:
    try:
        await found
    except (Interrupted, InitError, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise InitError(f"init of {handler.name} raised {summary(error)}", cause=user_traceback(error)) from None


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
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ArgumentsError(
            f"--params: {name!r} is not JSON: {error}", hint="JSON, or YAML in a file called .yaml"
        ) from None


def _shown(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as they are recorded: what was typed as JSON where it is JSON."""
    return {name: arguments.plain(value) for name, value in parameters.items()}

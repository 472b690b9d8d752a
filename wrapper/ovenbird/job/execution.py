"""Execute one run that has a record: load, bind arguments, init, call, store outputs, record the end.

Modules that only some runs need (inputs, outputs, an event loop) are imported on demand: an empty run has to be quick.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..common.import_times import ImportTimer
from ..common.process_exit import force_end
from ..common.user_warnings import tolerate_warnings
from ..errors import (
    ArgumentsError,
    DocumentError,
    OutputError,
    OvenbirdError,
    PlatformError,
    RunUnrecordedError,
    UnsupportedRunError,
    UnsupportedRunKindError,
)
from ..function.binder import JOB, Binder
from ..function.context import Context
from ..function.decorator import is_sdk_function, outputs_of
from ..function.handler import Handler
from ..function.loader import LoadedFunction, load
from ..function.target import Target, name_function
from ..function.tracebacks import summarize_error, user_stack
from ..platform.data_dir import backend_name, data_dir
from ..platform.entities.run import Run
from ..platform.project.project import Project
from ..platform.store import EntityStore
from ..settings import Settings
from . import arguments
from .finalize import RunFinalizer, RunRescue
from .interrupt import Interruption, RunInterrupted, Uninterrupted
from .invoke import call
from .load_state import LoadState
from .reports import open_reports
from .result import RunEnd, RunFailed, RunResult
from .reuse_record import describe_input, digest_call
from .start_folder import absolute_environ, absolute_inputs, absolute_settings

if TYPE_CHECKING:
    from .reuse import FormerRuns

UNSERVED = (UnsupportedRunError, UnsupportedRunKindError, DocumentError)
"""Errors after which another way to run the function may succeed."""
_log = logging.getLogger("ovenbird")


class RunEnvironment(NamedTuple):
    """The settings, environment variables and store of a run."""

    settings: Settings
    environ: Mapping[str, str]
    store: EntityStore


class RunArguments(NamedTuple):
    """The arguments of a run: `parameters` and `inputs` (paths, URLs or keys) for the handler, `init` for its init."""

    parameters: dict[str, Any]
    inputs: Mapping[str, str]
    init: dict[str, Any]


class JobRun:
    """One run that has a record.

    `remote`: the platform has started the run, knows its function, and keeps its state. `replaceable`: the caller can
    run the function in another way, so that errors in UNSERVED are raised and not recorded. The target is a loaded
    function if this process has its module already.
    """

    def __init__(
        self,
        target: Target | LoadedFunction | Callable[[], Target],
        record: Run,
        environment: RunEnvironment,
        arguments: RunArguments,
        *,
        remote: bool = False,
        replaceable: bool = False,
    ) -> None:
        self.target = target
        settings, environ = absolute_settings(environment.settings), absolute_environ(environment.environ)
        self.settings = settings
        self.store = store = environment.store
        self.environ = store.storage_environ(environ)
        self.record = record
        self.parameters, self.inputs = arguments.parameters, absolute_inputs(arguments.inputs)
        self.init = arguments.init
        self.remote, self.replaceable = remote, replaceable
        self.backend = backend_name(settings.platform, environ)
        self.on_core = self.backend == "core"
        unsent = Path(data_dir(environ), "unsent", record.id)
        self.rescue = (Path(settings.output_dir) if settings.output_dir else unsent).absolute()
        self.project = Project(
            store, record.project, environ, files_store=settings.files_store, run=record,
            rescue=None if self.backend == "local" else self.rescue,
        )  # fmt: skip
        self.outcome = RunResult()
        # set by a caller that has them already
        self.handler: Handler | None = None
        self.load_state: LoadState | None = None
        self.function = ""  # the key of its revision
        self.former_runs: FormerRuns | None = None
        self.is_reused = False  # whether the outputs are those of an earlier run
        self.reports = open_reports(record, store, self.environ)
        self._title = ""
        self.failure: BaseException | None = None  # the failure, for the debugger
        self.was_called = False  # whether init or the function itself has begun
        # the original stream, before the log is attached: the text that is printed at the end does not belong there
        self.stdout = None if remote else sys.stdout
        # a caller that goes on after the run puts `Uninterrupted` here
        self.interruption: Interruption | Uninterrupted = Interruption(
            settings.timeout, settings.grace, self._force_end
        )
        self._end_lock = threading.Lock()  # acquired once, by the thread that records the end

    def run(self) -> RunEnd:
        """Run the handler, record the end, and return it. Errors: PlatformError if the end cannot be recorded."""
        state, code, error = "COMPLETED", 0, None
        try:
            with self.interruption:
                try:
                    self._execute()
                except (Exception, SystemExit) as failure:
                    self.failure = failure
                    raise
        except RunFailed as ended:
            state, code, error = ended.state, ended.exit_code, ended.error
        except RunInterrupted as stop:
            state, code, error = self._describe_stop(stop)
        except OvenbirdError as raised:
            if self.replaceable and isinstance(raised, UNSERVED):
                self.reports.end("STOPPED", None, self.outcome, recorded=True)
                raise
            state, code = "ERROR", raised.exit_code
            error = {"type": raised.code, "message": str(raised), "traceback": raised.cause}
        except BaseException as broken:  # an error in Ovenbird: the record must be true all the same
            state, code = "ERROR", 1
            error = {
                "type": type(broken).__name__,
                "message": summarize_error(broken),
                "traceback": traceback.format_exc(),
            }
        finally:
            self.interruption.end()
        while not self._end_lock.acquire(blocking=False):
            time.sleep(1)  # another thread records a forced end, and then ends the process
        recorded, code = self._record(state, code, error)
        returned = {} if self.remote else self.outcome.returned  # the platform reads it from the record
        return RunEnd(self.record, recorded, code, returned, self.failure)

    def _record(self, state: str, code: int, error: dict[str, str] | None) -> tuple[str, int]:
        """Record the end, and return the state and the exit status. Errors: PlatformError."""
        if restored := self.record.restore():
            _log.warning("left out of the record, as a record has no such field: run.%s", ", run.".join(restored))
        if not self.was_called and not self.is_reused:
            self.record.status.called = False
        else:
            self.record.status.returned = self.outcome.shape
        if self.load_state is not None:
            self.load_state.complete(self.record.status, self.outcome.returned)
        if unsent := self.store.flush_metrics():
            from .result_file import keep_metrics

            place = "the platform" if self.on_core else "the store"
            lost = keep_metrics(self.rescue / "metrics.json", unsent, place)
            _log.error("%s", lost)
            if not error:
                state, code = "ERROR", lost.exit_code
                error = {"type": lost.code, "message": lost.message, "traceback": ""}
        rescue = None if self.backend == "local" else self._plan_rescue()
        ending = RunFinalizer(self.record, self.outcome, self.settings.result_file, rescue, self.stdout)
        is_recorded = False
        try:
            with tolerate_warnings():
                state, code = ending.record(state, code, error)
            is_recorded = True
        finally:
            self.reports.end(state if is_recorded else "ERROR", error, self.outcome, recorded=is_recorded)
        if not self.was_called and not self.is_reused and self.stdout:
            _log.warning("the function was not called: `ovenbird runs list` shows this run with `--all` only")
        return state, code

    def _plan_rescue(self) -> RunRescue:
        """Return what to do with the record of the run if the store does not take it."""
        log = self.store.log_file(self.record.project, self.record.id)
        return RunRescue(self.rescue, log, PlatformError if self.on_core else RunUnrecordedError)

    def _force_end(self, interrupted: RunInterrupted) -> None:
        """Record the end from another thread, because the function does not return, and end the process."""
        if not self._end_lock.acquire(blocking=False):
            return  # the function has just returned
        state, code, error = self._describe_stop(interrupted)
        error["message"] += f"; it had not ended {self.settings.grace:g} seconds later, and was ended by force"
        error["traceback"] = user_stack(sys._current_frames().get(threading.main_thread().ident or 0))
        force_end(lambda: self._record_forced(state, code, error), code)

    def _record_forced(self, state: str, code: int, error: dict[str, str]) -> int:
        try:
            return self._record(state, code, error)[1]
        except OvenbirdError as unrecorded:
            _log.error("%s", unrecorded)
            return unrecorded.exit_code

    def _execute(self) -> None:
        """Load, bind, init, call and store. Errors: OvenbirdError, RunInterrupted; RunFailed for the user's code."""
        handler = self._load()
        binder = handler.binder
        if binder is None:
            raise ArgumentsError(f"{handler.name} is an {handler.shape.value}: it can be served, not run as a job")
        names = outputs_of(handler.loaded.function)
        if names:
            from . import outputs

            for name in outputs.check_names(names):
                self.store.check_name(name, "an output's name")
        arguments.check_names(binder, self.parameters, self.inputs)
        values = arguments.convert(binder, self.parameters)
        self.record.status.parameters = arguments.effective_parameters(binder, self.parameters, values, self.inputs)
        self.record.save(update=True)
        values |= self._read_inputs(binder)
        if self.settings.reuse and self._reuse_run():
            return
        root = str(handler.loaded.target.root)
        context = Context(handler.name, root=root, trigger="job", project=self.project, run=self.record)
        values |= self._reserved_values(binder, context)
        self.was_called = True
        value = call(handler, context, self.init, values, tuple)
        self.interruption.settle()
        self._store_outputs(value, names)

    def _read_inputs(self, binder: Binder) -> dict[str, Any]:
        """Return the inputs for the handler. Record digests of them and of all other arguments. Errors: InputError."""
        values, digests = {}, {}
        if self.inputs:
            from . import inputs

            with tolerate_warnings():
                for name, (value, entity) in inputs.read(binder, self.project, self.inputs).items():
                    values[name] = value
                    self.reports.note_input(entity, value)
                    digests[name] = describe_input(entity, is_read=value is not entity)
        status = self.record.status
        call_digest = digest_call(self._title, status.parameters, self.parameters, self.init, self.inputs)
        status.reuse = {"call": call_digest, "inputs": digests}
        return values

    def _reuse_run(self) -> bool:
        """Take what an earlier run that was the same has made. Return whether there is one. Errors: OutputError."""
        from .reuse import Call, FormerRuns, Reuse
        from .reused_outputs import take_outputs

        assert self.load_state is not None
        with tolerate_warnings():
            status = self.record.status.to_dict()
            former_runs = self.former_runs or FormerRuns(self.store, self.record.project)
            reuse = Reuse(self.store, self.environ, former_runs)
            former = reuse.find_run(Call(self._title, self.load_state.spec, status["provenance"], status["reuse"]))
            if former is None:
                _log.info("--reuse: the function is called, as %s", reuse.reason)
                return False
            take_outputs(self.record, former, self.outcome, self.store, self.environ)
        self.is_reused = True
        _log.info("--reuse: results and outputs are those of %s", former["key"])
        self._copy_outputs()
        return True

    def _load(self) -> Handler:
        """Return the handler. Register the revision of its function, and link the run to it, even if loading fails."""
        resolved = self.target() if callable(self.target) else self.target
        target = resolved.target if isinstance(resolved, LoadedFunction) else resolved
        title = name_function(target)
        if not self.remote:
            self.store.check_name(title, "the function's name")
        _log.info("run %s of %s", self.record.key, title)
        self.reports.start(target, title, self.inputs)
        spec: dict[str, Any] = {"source": {"handler": str(target), "root": str(target.root)}}
        try:
            timer = ImportTimer()
            loaded = resolved if isinstance(resolved, LoadedFunction) else load(resolved, timer)
            title = name_function(loaded.target)
            if self.replaceable and is_sdk_function(loaded.function):
                raise UnsupportedRunError(f"{title} is wrapped by the platform's SDK in a way that is not known here")
            self.load_state = self.load_state or LoadState(loaded, self.environ)
            self._title, spec = title, self.load_state.spec
            # Core, and a function that a person has recorded, have only the fields that the platform defines
            keeps_origin = self.on_core or bool(self.record.spec.function)
            self.load_state.record(self.record.status, timer, keeps_origin=keeps_origin)
        finally:
            if not self.remote and not self.record.spec.function:
                self.function = self.function or self.project.register_function(title, spec).key
                self.record.spec.function = self.function
                self.record.relate("run_of", self.function)
        handler = self.handler or Handler(loaded, JOB, fields_only=True)
        handler.warn_unresolved()
        return handler

    def _reserved_values(self, binder: Binder, context: Context) -> dict[str, Any]:
        values = {"context": context, "project": self.project, "run": self.record}
        if "event" in binder.reserved.values():
            from ..function.event import Event, EventRequest

            values["event"] = Event(
                dict(self.record.spec), request=EventRequest(trigger="job", request_id=lambda: self.record.id)
            )
        return {name: values[kind] for name, kind in binder.reserved.items()}

    def _store_outputs(self, value: Any, names: Sequence[Any]) -> None:
        """Store what the handler returned. Errors: OutputError."""
        if value is None:
            return
        from . import outputs

        with tolerate_warnings():
            failure: OutputError | None = None
            try:
                outputs.store(value, names, self.project, self.outcome, platform_rule=self.remote)
            except OutputError as error:
                failure = error  # first copy the outputs that were stored
            try:
                self._copy_outputs()
            except OutputError as error:
                failure = failure or error
            if failure is not None:
                raise failure

    def _copy_outputs(self) -> None:
        """Copy the files of the outputs to `--output-dir`. Errors: OutputError."""
        if self.settings.output_dir:
            from . import outputs

            outputs.copy(self.outcome, self.store, self.environ, self.settings.output_dir)

    def _describe_stop(self, interrupted: RunInterrupted) -> tuple[str, int, dict[str, str]]:
        if not isinstance(self.interruption, Uninterrupted):  # a program that goes on keeps the patience of its store
            self.store.limit_waits()
        return interrupted.describe_end(self.settings.timeout)

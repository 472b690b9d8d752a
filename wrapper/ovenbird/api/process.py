"""Run a function in a child process, with its log live; the default of `Function.run`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import InputError, OvenbirdError
from ..job.entrypoint import check_output_flags, choose_project
from ..job.start_folder import absolute_environ, absolute_inputs, absolute_settings
from ..platform import keys
from ..platform.data_dir import backend_name, data_dir
from ..platform.entities.run import Run
from ..platform.store import EntityStore
from ..settings import Settings
from .child_process import ChildProcess
from .child_request import ChildRequest
from .failures import check_run, make_error
from .run_request import PROCESS, RunRequest
from .running_process import RunningProcess
from .sources import FunctionSource
from .stores import open_shared_store, read_run

_LOOK = 0.1  # seconds between two looks at a store that does not have the run yet


def run_process(source: FunctionSource, request: RunRequest, *, wait: bool, check: bool) -> Run:
    """Run the function in a child, and return its run; without `wait`, as soon as it has begun.

    A child that is waited for ends with this process; any other goes on. Errors: RunFailedError with `check`;
    KeyboardInterrupt, after the run was stopped.
    """
    child = start_child(source, request, wait=wait)
    if not wait:
        return child.begin()
    run = child.finish()
    return check_run(run) if check else run


def start_child(source: FunctionSource, request: RunRequest, *, wait: bool) -> RunningChild:
    """Start the process of a run. Errors: OvenbirdError."""
    check_output_flags(request.settings)
    target = source.locate(request.environ)
    store = open_shared_store(request.settings, request.environ)
    settings, environ = resolve_paths(request)
    project, identity = choose_project(target, settings, environ), keys.new_id()
    message = ChildRequest(
        target, settings, request.parameters, {**request.launch, "on": PROCESS}, identity,
        is_logged=not wait, is_bound=wait, task=request.task,
    ).encode()  # fmt: skip
    with contextlib.nullcontext() if wait else open_log(store, project, identity) as log:
        process = ChildProcess(message, environ, log)
    return RunningChild(process, store, environ, keys.run_key(project, identity))


def resolve_paths(request: RunRequest) -> tuple[Settings, dict[str, str]]:
    """Return the settings and variables of a request with absolute paths, for a process that may leave the folder."""
    settings, environ = absolute_settings(request.settings), absolute_environ(request.environ)
    settings = replace(settings, input=absolute_inputs(settings.input))
    if backend_name(settings.platform, environ) == "local":
        environ["OVENBIRD_HOME"] = str(Path(data_dir(environ)).absolute())
    return settings, environ


@contextlib.contextmanager
def open_log(store: EntityStore, project: str, identity: str) -> Iterator[int]:
    """Yield a descriptor of the run's log; of nothing where the child opens a log of its own, if there is one."""
    path = store.log_file(project, identity) if store.has_log_files else None
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600) if path else os.open(os.devnull, os.O_WRONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


class RunningChild(RunningProcess):
    """A run that a child process executes for this one."""

    _process: ChildProcess

    def begin(self) -> Run:
        """Wait until the run is recorded, and return it. Errors: OvenbirdError for one that could not be recorded."""
        try:
            self._require_record()
            run = self._read_begun()
        except BaseException:
            self._process.wait()
            self._process.release()
            raise
        self._start_watcher()
        run.process = self
        return run

    def _read_begun(self) -> Run:
        """Return the run as soon as the store has it: Core gets it when its function is known."""
        while True:
            has_ended = self._process.has_ended()
            try:
                return read_run(self._store, str(self._key), self._environ)
            except InputError:
                if has_ended:
                    raise OvenbirdError(self._process.describe_end(), hint="with wait=True its log is shown") from None
            self._process.wait(_LOOK)

    def finish(self) -> Run:
        """Show what the run prints until it has ended, and return it. Ctrl-C stops it, a second one kills it."""
        try:
            self._require_record()
            self._wait_for_end()
        finally:
            if not self._process.has_ended() and not self._is_interrupted:
                self._process.stop()
            self._process.release()  # ends a child that still runs
        run = self._settle()
        if self._is_interrupted:
            raise KeyboardInterrupt(f"run {run.id} was stopped: its state is {run.status.state}")
        return run

    def _require_record(self) -> None:
        """Wait for the record. Errors: OvenbirdError; KeyboardInterrupt, and then there is no record."""
        try:
            report = next(self._process.read_reports(), {})
            if not report.get("started"):
                self._process.show_output(self._process.has_ended)
                self._process.wait()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        if error := report.get("error"):
            raise make_error(error)
        if not report.get("started"):
            raise OvenbirdError(self._process.describe_end())

    def _wait_for_end(self) -> None:
        while True:
            try:
                self._process.show_output(self._process.has_ended)
                self._process.wait()
                return
            except KeyboardInterrupt:
                self._interrupt()

    def _interrupt(self) -> None:
        """Stop the run; kill it when it was asked to stop before."""
        if self._is_interrupted:
            self._process.kill()
        else:
            self._process.stop()
        self._is_interrupted = True

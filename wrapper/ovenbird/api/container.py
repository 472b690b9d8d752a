"""Run a function in a container of its image, by podman or docker; its record is in the same store."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import InputError, OvenbirdError
from ..job.entrypoint import NEW_RUN, check_output_flags, choose_project
from ..platform import keys
from ..platform.entities.run import Run
from ..settings import Settings, default, options
from .actions import open_action
from .child_process import CommandProcess
from .child_request import make_plain_values
from .failures import check_run
from .image import build_image
from .process import resolve_paths
from .run_request import RunRequest
from .running_process import RunningProcess
from .sources import FunctionSource
from .stores import open_shared_store, read_run

_LOOK = 0.1  # seconds between two looks at a store that does not have the run yet
_PAUSE = 0.5  # seconds between two looks at the size of an output
_MOST_OUTPUT = 1024**2  # bytes
_KEPT = 4096  # bytes of the end of an output
_RESULT = "result/result.json"
# what a container gets otherwise: as files, as variables by name, or not at all
_OTHERWISE = frozenset(
    "param params each grid input init tag source result_file output_dir container image engine env env_file "
    "files_store pdb parallel index".split()
)


def run_container(
    source: FunctionSource, request: RunRequest, image: str, *, check: bool, report: Callable[[Run], None] | None = None
) -> Run:
    """Run the function in `image`, by default the one that its document names, else one that is built now.

    `report` is called with the run when it has ended, one that was stopped too.
    Errors: RunFailedError with `check`; KeyboardInterrupt, after the run was stopped; those of a build.
    """
    check_output_flags(request.settings)
    store = open_shared_store(request.settings, request.environ)
    with tempfile.TemporaryDirectory(prefix="ovenbird-run-") as folder:
        process = _start_container(source, request, image, Path(folder))
        is_interrupted = wait_for_container(process)
        key = _read_key(Path(folder, _RESULT))
    if key:
        run = read_run(store, key, request.environ)
        if report is not None:
            report(run)
    if is_interrupted:
        raise KeyboardInterrupt(f"run {run.id} was stopped" if key else "the run was stopped")
    if not key:
        raise OvenbirdError(f"the container has recorded no run: {process.describe_end()}")
    return check_run(run) if check else run


def start_container(source: FunctionSource, request: RunRequest, image: str) -> Run:
    """Start the function in `image`, as `run_container`, and return its run as soon as it is recorded.

    The run goes on when this process ends. Errors: OvenbirdError for one that could not be recorded;
    KeyboardInterrupt, after the container was stopped; those of a build.
    """
    check_output_flags(request.settings)
    store = open_shared_store(request.settings, request.environ)
    project = choose_project(source.locate(request.environ), request.settings, request.environ)
    identity = keys.new_id()
    with tempfile.TemporaryDirectory(prefix="ovenbird-run-") as folder:  # read before the run is recorded
        # a pipe would end with this process, and the engine hands the signal of a broken one to the run
        output = os.open(Path(folder, "output"), os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            process = _start_container(source, request, image, Path(folder), identity=identity, output=output)
        except BaseException:
            os.close(output)
            raise
        container = RunningContainer(process, store, request.environ, keys.run_key(project, identity))
        return container.begin(output)


class ContainerRun(Run):
    """A run in a container that this process has started."""

    def stop(self) -> None:
        """Ask the run to stop, as SIGTERM does. Errors: PlatformError if its container cannot be reached."""
        if not (isinstance(self.process, RunningContainer) and self.process.stop()):
            super().stop()


class RunningContainer(RunningProcess):
    """A run that a container executes for this process: the engine's program that is attached to it, and its record."""

    _last_output = b""

    def begin(self, output: int) -> Run:
        """Wait until the run is recorded, and return it. `output` is a file that takes all that is printed.

        It is closed at the end of the run. Errors: OvenbirdError for one that could not be recorded.
        """
        self._output = output
        self._start_watcher()
        try:
            run = self._read_begun()
        except KeyboardInterrupt:
            self._is_interrupted = True
            self._process.stop()  # the engine hands it to the run
            with contextlib.suppress(KeyboardInterrupt):
                self.join()
            raise
        run.process = self
        return run

    def stop(self) -> bool:
        """Stop the run as SIGTERM does, by the engine; return False if it has ended."""
        if self._ended.is_set() or self._process.has_ended():
            return False
        self._is_interrupted = True
        self._process.stop(signal.SIGTERM)
        return True

    def _read_begun(self) -> Run:
        while True:
            has_ended = self.join(0)
            try:
                run = ContainerRun(self._store, self._store.read(self._key), self._environ)
            except InputError:
                if has_ended:
                    raise OvenbirdError(
                        f"the container has recorded no run: {self._process.describe_end()}",
                        cause=self._last_output.decode("utf-8", "backslashreplace").strip(),
                        hint="an image with an older Ovenbird has to be built anew, or waited for",
                    ) from None
            else:
                run.is_own = True
                return run
            self.join(_LOOK)

    def _wait_for_process(self) -> None:
        """Wait for the end. Keep the last lines of the output: the record has the log, and nothing is stored twice."""
        try:
            while not self._process.wait(_PAUSE):
                if os.fstat(self._output).st_size > _MOST_OUTPUT:
                    os.truncate(self._output, 0)
            size = os.fstat(self._output).st_size
            self._last_output = os.pread(self._output, _KEPT, max(0, size - _KEPT))
        finally:
            os.close(self._output)

    def _settle(self) -> Run:
        if self._process.was_killed:  # the container may go on without the engine's program
            self._store.reap()
            return read_run(self._store, str(self._key), self._environ)
        return super()._settle()


def _start_container(
    source: FunctionSource, request: RunRequest, image: str, folder: Path, *, identity: str = "",
    output: int | None = None,
) -> CommandProcess:  # fmt: skip
    """Start the container; `folder` takes the parameters, and `output`, a descriptor, what is printed.

    `identity` is the id of its run, by default a new one; then `result.json` of the folder tells it at the end.
    """
    target = source.locate(request.environ)
    if not image and not (target.function and target.function.image):
        image = build_image(source, {}, request.environ).name
    settings, environ = resolve_paths(request)
    params = folder / "params.json"
    params.write_text(json.dumps(make_plain_values(request.parameters)))
    variables = {**request.variables, **({NEW_RUN: identity} if identity else {})}
    result_file = "" if identity else str(folder / _RESULT)
    settings = replace(
        settings, params=str(params), result_file=result_file, image=image, env=(*settings.env, *variables),
        init=make_plain_values(settings.init),
    )  # fmt: skip
    document = str(source.find_document(target)) if target.function else ""
    with open_action("container") as prepare:
        command = prepare("run", document, settings, _describe_flags(settings), {**environ, **variables}, _show_line)
    return CommandProcess(command.argv, command.environ, output)


def wait_for_container(process: CommandProcess) -> bool:
    """Show what the container prints until it has ended; return whether Ctrl-C has stopped it. A second one kills."""
    pressed = answered = 0  # how often Ctrl-C was; it may come again while it is answered
    try:
        while True:
            try:
                if pressed > answered:
                    answered = pressed
                    if pressed > 1 and not process.has_ended():
                        process.kill()  # the engine alone: the run has been told, and ends within its grace
                    else:
                        process.stop()  # the engine hands it to the run
                process.show_output(process.has_ended)
                process.wait()
                return pressed > 0
            except KeyboardInterrupt:
                pressed += 1
    finally:
        process.release()


def _read_key(path: Path) -> str:
    try:
        return str(json.loads(path.read_text())["key"])
    except (OSError, ValueError, KeyError):
        return ""


def _describe_flags(settings: Settings) -> dict[str, str]:
    """Return the settings that are not the defaults as texts, as flags have them."""
    flags: dict[str, str] = {}
    for row in options("run"):
        value: Any = getattr(settings, row.name)
        if row.name not in _OTHERWISE and value != default(row) and value != row.metadata["defaults"].get("run"):
            flags[row.name] = str(value).lower() if isinstance(value, bool) else str(value)
    return flags


def _show_line(text: str) -> None:
    print(text, file=sys.stderr)

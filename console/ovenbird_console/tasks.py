"""Services and builds that the page has started: processes of their own, each with a log in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ovenbird.errors import InputError, OvenbirdError
from ovenbird.platform.keys import new_id
from ovenbird.platform.store import format_timestamp

_ADDRESS = re.compile(r"is served at (http://[^\s\"]+)")
_PATIENCE = 15.0  # seconds that a service gets to drain
_HEAD = 64 * 1024  # bytes of a log in which the address stands


@dataclass
class Task:
    """A process: `kind` is `serve` or `build`, `target` what it serves or builds."""

    id: str
    kind: str
    target: str
    log: Path
    process: subprocess.Popen[bytes]
    started: str = field(default_factory=format_timestamp)
    ended: str = ""
    is_stopped: bool = False

    @property
    def state(self) -> str:
        """Return RUNNING, COMPLETED, STOPPED or ERROR."""
        code = self.process.poll()
        if code is None:
            return "RUNNING"
        self.ended = self.ended or format_timestamp()
        return "STOPPED" if self.is_stopped else "COMPLETED" if code == 0 else "ERROR"

    @property
    def address(self) -> str:
        """Return where a service listens; empty until its log says so."""
        if self.kind != "serve":
            return ""
        with contextlib.suppress(OSError), self.log.open("rb") as file:
            if match := _ADDRESS.search(file.read(_HEAD).decode("utf-8", "replace")):
                return match[1]
        return ""


class Tasks:
    """The tasks of one page; those that still run end with it."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder, self._environ = folder, environ
        self._lock = threading.Lock()
        self._tasks: dict[str, Task] = {}
        self._logs: Path | None = None

    def start(self, kind: str, target: str, flags: Sequence[str]) -> Task:
        """Start `ovenbird KIND TARGET FLAGS` and return its task. Errors: OvenbirdError."""
        with self._lock:
            if self._logs is None:
                self._logs = Path(tempfile.mkdtemp(prefix="ovenbird-ui-"))
            identity = new_id()
            log = self._logs / f"{identity}.log"
            environ = {**self._environ, "OVENBIRD_LOG_FORMAT": "text", "NO_COLOR": "1"}
            words = [sys.executable, "-m", "ovenbird", kind, target, *flags]
            try:
                with log.open("xb") as file:
                    process = subprocess.Popen(  # noqa: S603  # this interpreter; the target is an argument
                        words, cwd=self._folder, env=environ, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                        start_new_session=True,
                    )  # fmt: skip
            except OSError as error:
                raise OvenbirdError(f"no process could be started: {error.strerror or error}") from None
            task = self._tasks[identity] = Task(identity, kind, target, log, process)
            return task

    def find(self, identity: str) -> Task:
        """Return a task. Errors: InputError."""
        with self._lock:
            task = self._tasks.get(identity)
        if task is None:
            raise InputError("this page has started no such service or build", hint="it may have been started again")
        return task

    def list_tasks(self, kind: str) -> list[Task]:
        """Return the tasks of a kind, newest first."""
        with self._lock:
            return [task for task in reversed(self._tasks.values()) if task.kind == kind]

    def stop(self, identity: str) -> None:
        """Ask a task to end, as Ctrl-C does."""
        task = self.find(identity)
        if task.process.poll() is None:
            task.is_stopped = True
            _signal(task, signal.SIGTERM)

    def close(self) -> None:
        """End what still runs, by force after a while, and remove the logs."""
        with self._lock:
            running = [task for task in self._tasks.values() if task.process.poll() is None]
        for task in running:
            _signal(task, signal.SIGTERM)
        end = time.monotonic() + _PATIENCE
        for task in running:
            try:
                task.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(task, signal.SIGKILL)
                task.process.wait()
        if self._logs is not None:
            shutil.rmtree(self._logs, ignore_errors=True)


def _signal(task: Task, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(task.process.pid, number) if number == signal.SIGKILL else task.process.send_signal(number)

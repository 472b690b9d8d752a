"""What the page has started: services, builds, sweeps, runs in containers and clusters; each a process with a log."""

from __future__ import annotations

import contextlib
import json
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
from typing import Any

from ovenbird.errors import InputError, OvenbirdError
from ovenbird.platform.keys import new_id
from ovenbird.platform.store import format_timestamp

_ADDRESS = re.compile(r"is served at (http://[^\s\"]+)")
_KEY = rb"(store://[^/\s\"]+/run/[^/\s\"]+/[^:\s\"]+:[0-9a-f]{32})"
_BEGIN = re.compile(rb"^[0-9:.]{12} info +run " + _KEY + rb" of ", re.MULTILINE)  # before the function is imported
_STARTED = re.compile(rb"^RUNNING " + _KEY + rb"$", re.MULTILINE)  # of `run_child`, before a log of the cluster
_END = re.compile(rb"^[A-Z]+ " + _KEY + rb"\n\Z", re.MULTILINE)  # of `run_child`, where the log level hides the other
_PATIENCE = 15.0  # seconds that a service gets to drain
_MARGIN = 10.0  # seconds beyond the grace of runs until their process is killed
_UNLIMITED = 3600.0  # seconds for runs whose grace has no limit
_SHORT = 8  # digits of a sweep's identity
_HEAD = 64 * 1024  # bytes of a log in which the address stands


@dataclass
class Task:
    """A process: `kind` is `serve`, `build`, `sweep`, `container` or `cluster`.

    `target` is what it serves, builds or runs.

    `total` is how many runs a sweep will have, `flags` are those of a build. `lifeline` is a pipe by which a process
    of runs knows that the page still lives, `patience` how many seconds it gets to end with the page.
    """

    id: str
    kind: str
    target: str
    log: Path
    process: subprocess.Popen[bytes]
    started: str = field(default_factory=format_timestamp)
    ended: str = ""
    is_stopped: bool = False
    total: int = 0
    flags: tuple[str, ...] = ()
    lifeline: int = -1
    patience: float = _PATIENCE
    _run_key: str = ""
    _position: int = 0  # up to where the log was searched for the key

    @property
    def state(self) -> str:
        """Return RUNNING, COMPLETED, STOPPED or ERROR."""
        code = self.process.poll()
        if code is None:
            return "RUNNING"
        if code == 0 and self.kind == "build":  # it was done before the signal came
            return "COMPLETED"
        return "STOPPED" if self.is_stopped else "COMPLETED" if code == 0 else "ERROR"

    @property
    def result(self) -> Path:
        """Return the file for the result of a build, as JSON; there is none before the build has ended."""
        return self.log.with_suffix(".json")

    def watch(self) -> None:
        """Wait until the process has ended, and note when: perhaps nobody looks at the page then."""
        self.process.wait()
        self.ended = format_timestamp()
        _close(self.lifeline)

    @property
    def run_key(self) -> str:
        """Return the key of the run in a container or a cluster; empty until the log has it.

        The first line that has it counts: the runtime writes it before any code of the function, which may print more.
        """
        if self.kind in ("container", "cluster") and not self._run_key:
            begin = _BEGIN if self.kind == "container" else _STARTED
            has_ended = self.process.poll() is not None
            with contextlib.suppress(OSError), self.log.open("rb") as file:
                file.seek(position := self._position)
                data = file.read()
                match = begin.search(data) or (_END.search(data[-_HEAD:]) if has_ended else None)
                self._run_key = match[1].decode() if match else ""
                # the last line is read again: it may be no whole one
                self._position = position + data.rfind(b"\n", 0, -1) + 1
        return self._run_key

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
        self._lock = threading.RLock()
        self._tasks: dict[str, Task] = {}
        self._logs: Path | None = None

    def start(self, kind: str, target: str, flags: Sequence[str]) -> Task:
        """Start `ovenbird KIND TARGET FLAGS` and return its task. Errors: OvenbirdError."""
        return self._start(new_id(), kind, target, ["-m", "ovenbird", kind, target, *flags], b"")

    def start_build(self, target: str, flags: Sequence[str]) -> Task:
        """Start a build and return its task. Errors: OvenbirdError.

        One that is going on with the same flags is returned: two tabs make one image once.
        """
        wanted = ("build", target, tuple(flags), "RUNNING")
        with self._lock:
            for task in self._tasks.values():
                if (task.kind, task.target, task.flags, task.state) == wanted:
                    return task
            identity = new_id()
            result = str(self._locate_log(identity).with_suffix(".json"))
            words = ["-m", "ovenbird", "build", target, *flags, "--result-file", result]
            task = self._start(identity, "build", target, words, b"")
            task.flags = tuple(flags)
            return task

    def start_runs(self, identity: str, kind: str, request: Mapping[str, Any]) -> Task:
        """Start the runs of a request, which `run_child` takes, and return their task. Errors: OvenbirdError.

        The request may hold secrets: it goes through an unnamed file, which no list of processes shows. The runs end
        with the page, also when that is killed: they see the end of a pipe.
        """
        text = json.dumps(request).encode()
        task = self._start(identity, kind, str(request["target"]), ["-m", "ovenbird_console.run_child"], text)
        task.total = len(request.get("lines") or ())
        task.patience = (request["grace"] or _UNLIMITED) + _MARGIN
        return task

    def _start(self, identity: str, kind: str, target: str, words: Sequence[str], request: bytes) -> Task:
        with self._lock:
            log = self._locate_log(identity)
            environ = {**self._environ, "OVENBIRD_LOG_FORMAT": "text", "NO_COLOR": "1"}
            reader, writer = os.pipe() if request else (-1, -1)
            pipe = [reader] if request else []
            try:
                with log.open("xb") as file, tempfile.TemporaryFile() as stdin:
                    stdin.write(request)
                    stdin.seek(0)
                    process = subprocess.Popen(  # noqa: S603  # this interpreter; the target is an argument
                        [sys.executable, *words, *map(str, pipe)], cwd=self._folder, env=environ, stdin=stdin,
                        stdout=subprocess.DEVNULL if kind == "build" else file,  # that of a build is in its result file
                        stderr=file, start_new_session=True, pass_fds=pipe,
                    )  # fmt: skip
            except OSError as error:
                _close(writer)
                raise OvenbirdError(f"no process could be started: {error.strerror or error}") from None
            finally:
                _close(reader)
            task = self._tasks[identity] = Task(identity, kind, target, log, process, lifeline=writer)
            threading.Thread(target=task.watch, name=f"watch-{identity}", daemon=True).start()
            return task

    def _locate_log(self, identity: str) -> Path:
        """Return the path of a log, in a folder of this page that is made for the first one."""
        if self._logs is None:
            self._logs = Path(tempfile.mkdtemp(prefix="ovenbird-ui-"))
        return self._logs / f"{identity}.log"

    def find_sweep(self, identity: str) -> Task | None:
        """Return the task of a sweep, by the tag of its runs; None for one that was not started here."""
        with self._lock:
            tasks = [task for task in self._tasks.values() if task.kind == "sweep" and get_sweep_tag(task) == identity]
        return tasks[0] if tasks else None

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
        began = time.monotonic()
        for task in running:
            try:
                task.process.wait(max(0.1, began + task.patience - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(task, signal.SIGKILL)
                task.process.wait()
        if self._logs is not None:
            shutil.rmtree(self._logs, ignore_errors=True)


def get_sweep_tag(task: Task) -> str:
    """Return the value of the tag `sweep` of the runs of a task."""
    return task.id[:_SHORT]


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def _signal(task: Task, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(task.process.pid, number) if number == signal.SIGKILL else task.process.send_signal(number)

"""Start `ovenbird` in a process of its own: forked from a process that has its modules loaded, or by exec.

A forked start is a tenth of the work of one by exec, and the tests make thousands. By exec is started what depends on
how an interpreter starts: with a variable that it reads, in a folder whose files hide modules, or where a test says so
(`fresh=True`). `make test ARGS=--exec` starts everything so.
"""

from __future__ import annotations

import atexit
import io
import marshal
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from tests.forkserver import FIELD, MODULES

ROOT = Path(__file__).parents[1]
by_exec = False  # whether nothing is forked: the flag `--exec`
_BUILDER = {"build", "bundle", "base", "cache", "container", "inspect", "sbom", "rebase", "lock", "manifests"}
_READERS = {"runs", "dataitems", "artifacts", "models", "functions", "lineage", "store"}
_KINDS = {
    "serve": "serve", "processor": "processor", "run": "run", "job": "run", "check": "load", "invoke": "load",
    **dict.fromkeys(_READERS, "read"), **dict.fromkeys(_BUILDER, "build"),
}  # fmt: skip
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_")  # variables that an interpreter or libc reads
_LONGEST = 100_000  # bytes of a request: a packet of a socket may hold 200 kB
_servers: dict[str, _ForkServer] = {}


def start(
    words: tuple[str, ...] | list[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    stdin: Any = None,
    stdout: Any = None,
    stderr: Any = None,
    text: bool = False,
    start_new_session: bool = False,
    fresh: bool = False,
) -> Any:
    """Start `python -m ovenbird WORDS`; a `subprocess.Popen`, or what can be used as one."""
    environ = dict(os.environ if env is None else env)
    folder = os.path.realpath(cwd or os.curdir)
    if not fresh and not by_exec and (server := _server(words, folder, environ)):
        return Forked(server, words, folder, environ, (stdin, stdout, stderr), text, start_new_session)
    return subprocess.Popen(
        [sys.executable, "-m", "ovenbird", *words], cwd=cwd, env=environ, text=text, stdin=stdin, stdout=stdout,
        stderr=stderr, start_new_session=start_new_session, preexec_fn=default_signals,  # noqa: PLW1509
    )  # fmt: skip


def run(
    *words: str,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    text: bool = True,
    input: Any = None,
    timeout: float | None = 120,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """Run `python -m ovenbird WORDS` to its end; its output is captured unless its streams are set."""
    streams = {"stdin": subprocess.DEVNULL if input is None else subprocess.PIPE}
    streams |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = start(words, cwd=cwd, env=env, text=text, **{**streams, **options})
    try:
        out, err = process.communicate(input, timeout)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


class Forked:
    """A process that the fork server has forked, with the attributes and methods of `subprocess.Popen`."""

    def __init__(
        self,
        server: _ForkServer,
        words: Any,
        cwd: str,
        env: dict[str, str],
        streams: tuple[Any, Any, Any],
        text: bool,
        new_session: bool,
    ) -> None:
        self.args = [sys.executable, "-m", "ovenbird", *words]
        self.returncode: int | None = None
        self._lock = threading.Lock()
        theirs: list[int] = []  # descriptors of the child's streams, closed here when it has them
        ours: list[IO[Any] | None] = []
        for number, stream in enumerate(streams):
            descriptor, pipe = _stream(number, stream, theirs)
            theirs.append(descriptor)
            ours.append(io.TextIOWrapper(pipe, line_buffering=not number) if pipe and text else pipe)
        self.stdin, self.stdout, self.stderr = ours
        self._reports, report = os.pipe()
        request = {"words": list(words), "cwd": cwd, "env": env, "umask": _umask(), "new_session": new_session}
        try:
            socket.send_fds(server.sock, [marshal.dumps(request)], [*theirs, report])
        finally:
            for descriptor in (*theirs, report):
                os.close(descriptor)
        self.pid = self._read()

    def _read(self) -> int:
        """Return the next number that the fork server tells of the child."""
        data = os.read(self._reports, FIELD.size)
        assert len(data) == FIELD.size, "the fork server has ended"
        return int(FIELD.unpack(data)[0])

    def poll(self) -> int | None:
        """Return the exit status, None while the process lives."""
        return self._ended(0)

    def _ended(self, seconds: float | None) -> int | None:
        with self._lock:
            if self.returncode is None:
                poll = select.poll()
                poll.register(self._reports, select.POLLIN)
                if poll.poll(None if seconds is None else seconds * 1000):
                    self.returncode = os.waitstatus_to_exitcode(self._read())
                    os.close(self._reports)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; the exit status. Errors: subprocess.TimeoutExpired."""
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self._ended(0.2)) is None:  # in steps: another thread may ask meanwhile
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[Any, Any]:
        """Write the input, read both streams to their ends, wait; what was read."""
        end = None if timeout is None else time.monotonic() + timeout
        read: dict[str, Any] = {}
        threads = []
        for name, pipe in (("out", self.stdout), ("err", self.stderr)):
            if pipe is not None and not pipe.closed:
                threads.append(threading.Thread(target=_read_all, args=(pipe, name, read), daemon=True))
                threads[-1].start()
        if self.stdin is not None and not self.stdin.closed:
            try:
                if input:
                    self.stdin.write(input)
                self.stdin.close()
            except BrokenPipeError:
                pass
        for thread in threads:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
            if thread.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if end is None else max(0.0, end - time.monotonic()))
        return read.get("out"), read.get("err")

    def send_signal(self, number: int) -> None:
        """Send a signal, if the process still lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()
        self.wait()


def _stream(number: int, stream: Any, before: list[int]) -> tuple[int, IO[bytes] | None]:
    """Return a descriptor for the child, and our end if it is a pipe; `stream` is as in `subprocess`."""
    if stream == subprocess.PIPE:
        read, write = os.pipe()
        return (read, open(write, "wb", 0)) if number == 0 else (write, open(read, "rb"))  # noqa: PTH123
    if stream == subprocess.DEVNULL:
        return os.open(os.devnull, os.O_RDWR), None
    if stream == subprocess.STDOUT:
        return os.dup(before[1]), None
    if stream is None:
        return os.dup(number), None
    return os.dup(stream if isinstance(stream, int) else stream.fileno()), None


def _read_all(pipe: IO[Any], name: str, read: dict[str, Any]) -> None:
    try:
        read[name] = pipe.read()
        pipe.close()
    except ValueError:  # closed by the test meanwhile
        read.setdefault(name, None)


class _ForkServer:
    """A process of `tests/forkserver.py`. `modules` are the packages that it has loaded."""

    def __init__(self, kind: str) -> None:
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.environ = {name: value for name, value in os.environ.items() if name.startswith(_READ_AT_START)}
        words = [sys.executable, "-m", "tests.forkserver", kind, str(theirs.fileno())]
        self.process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], preexec_fn=default_signals,  # noqa: PLW1509
        )  # fmt: skip
        theirs.close()
        self.modules = frozenset(marshal.loads(self.sock.recv(1 << 20)))

    def close(self) -> None:
        """End it."""
        self.sock.close()
        self.process.wait()


def _server(words: Any, cwd: str, env: dict[str, str]) -> _ForkServer | None:
    """Return the fork server for a start; None where it has to be one by exec."""
    kind = _KINDS.get(words[0] if words else "", "")
    if not kind or sum(map(len, (*words, *env, *env.values()))) > _LONGEST or any("\0" in word for word in words):
        return None
    if kind not in _servers:
        _servers[kind] = _ForkServer(kind)
    server = _servers[kind]
    if {name: value for name, value in env.items() if name.startswith(_READ_AT_START)} != server.environ:
        return None
    try:
        names = {entry.name.partition(".")[0] for entry in os.scandir(cwd)}
    except OSError:
        return None
    return None if names & server.modules else server


@atexit.register
def close() -> None:
    """End the fork servers."""
    while _servers:
        _servers.popitem()[1].close()


def _umask() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("Umask:")[2].split()[0], 8)


def default_signals() -> None:
    """Ignore no signal, whatever started the tests (nohup, a shell that runs them behind)."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


assert set(_KINDS.values()) == set(MODULES)

"""The only module that starts a process: bounded output, secrets redacted, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from msgspec import Struct

from ovenbird.common.redact import make_redactor
from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError

from ..errors import EngineError, ProgramMissingError

_PACKAGES = {
    "buildah": "buildah",
    "skopeo": "skopeo",
    "git": "git",
    "podman": "podman",
    "kubectl": "kubernetes-client",
    "unshare": "util-linux",
}
_IMAGE_PROGRAMS = frozenset(("buildah", "skopeo", "podman"))
_IMAGE_UMASK = 0o022  # they make the root folder of a layer by the umask: with 077, only root could run the image
_KEPT = 64 * 1024  # characters of each stream that an error may quote from
_HELD = 8 * 1024  # characters at the end of a part of a line; no secret is longer
_CHUNK = 64 * 1024
_LOOK = 0.1  # seconds between two looks at whether a program is still wanted


class ProcessFailedError(OvenbirdError):
    """A program ended with another status than 0; the caller turns this into an error of its own phase.

    `returncode` is the status (negative: the signal), `output` the end of what it wrote on stderr, else on stdout.
    Neither holds a secret that was given to `run`.
    """

    code = EngineError.code
    exit_code = EngineError.exit_code

    def __init__(self, argv: tuple[str, ...], returncode: int, output: str) -> None:
        self.argv, self.returncode, self.output = argv, returncode, output
        ending = f"was ended by signal {-returncode}" if returncode < 0 else f"ended with status {returncode}"
        last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
        super().__init__(f"{argv[0]} {ending}" + (f": {last.strip()}" if last else ""))


class ProcessTimedOutError(ProcessFailedError):
    """A program ran over its time limit and was ended, with all that it had started."""

    def __init__(self, argv: tuple[str, ...], seconds: float, output: str) -> None:
        super().__init__(argv, -signal.SIGKILL, output)
        self.args = (f"{argv[0]} was ended after its time limit of {seconds:g} s",)
        self.message = str(self.args[0])


class CompletedProcess(Struct, frozen=True):
    """A program that ended: its status, what it wrote (stdout whole up to `limit`, stderr its end), seconds taken."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    seconds: float


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes | None = None,
    timeout: float | None = None,
    secrets: Iterable[str] = (),
    line: Callable[[str], None] | None = None,
    limit: int = 64 * 1024 * 1024,
    check: bool = True,
    stop: threading.Event | None = None,
) -> CompletedProcess:
    """Run a program to its end, without a shell, in a process group of its own that does not outlive it.

    `env` is the whole environment (default: this process's). `timeout` is in seconds. Each value of `secrets` is
    replaced by `***` wherever output or argv is shown. `line` is called with each line of both streams as it comes.
    `limit` is how many characters of stdout are kept. Once `stop` is set the program is ended as by a signal.
    Errors: ProgramMissingError; ProcessFailedError on a status other than 0 (unless `check` is off);
    ProcessTimedOutError.
    """
    hide = make_redactor(secrets)
    redacted_argv = tuple(hide(word) for word in argv)
    start = time.monotonic()
    try:
        child = subprocess.Popen(
            list(argv),
            env=dict(os.environ if env is None else env),
            cwd=cwd,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            umask=-1 if _IMAGE_PROGRAMS.isdisjoint(argv) else _IMAGE_UMASK,
        )
    except FileNotFoundError as error:
        if cwd is not None and not Path(cwd).is_dir():
            raise EngineError(f"cannot run {argv[0]} in {show_value(str(cwd))}: no such folder") from None
        raise _missing_program(argv[0]) from error
    out, err = _Stream(hide, line, limit), _Stream(hide, line, _KEPT)
    try:
        late = _pump(child, stdin, out, err, None if timeout is None else start + timeout, stop)
    finally:
        _end_group(child)
    out.close()  # a last line without an end, where something else still holds the stream
    err.close()
    seconds = time.monotonic() - start
    if late:
        raise ProcessTimedOutError(redacted_argv, timeout or 0, err.join_tail() or out.join_tail())
    result = CompletedProcess(redacted_argv, child.returncode, out.join_text(), err.join_text(), seconds)
    if check and result.returncode:
        raise ProcessFailedError(redacted_argv, result.returncode, err.join_tail() or out.join_tail())
    return result


class ProcessStream:
    """A program that runs beside this one, in a session of its own: lines of stdout as they come, the end of stderr.

    Ctrl-C does not reach it: whoever has started it ends it by `close`, from any thread; at the latest it ends with
    this process, unless that is killed. Errors: ProgramMissingError.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        try:
            self._child = subprocess.Popen(
                list(argv), env=dict(env), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise _missing_program(argv[0]) from error
        weakref.finalize(self, _end_living, self._child)
        self._errors = _Stream(lambda text: text, None, _KEPT)
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()

    def _read_errors(self) -> None:
        assert self._child.stderr
        with contextlib.suppress(OSError, ValueError):  # closed meanwhile
            while data := os.read(self._child.stderr.fileno(), _CHUNK):
                self._errors.feed(data)
        self._errors.close()

    def read_lines(self) -> Iterator[bytes]:
        """Yield each line of stdout with its end; the last one may lack it."""
        assert self._child.stdout
        with contextlib.suppress(ValueError):  # closed meanwhile
            yield from self._child.stdout

    def read_chunks(self) -> Iterator[bytes]:
        """Yield what there is of stdout as it comes, cut anywhere."""
        assert self._child.stdout
        with contextlib.suppress(ValueError, OSError):  # closed meanwhile
            while data := os.read(self._child.stdout.fileno(), _CHUNK):
                yield data

    def wait(self) -> tuple[int, str]:
        """Wait for its end; return the exit status and what it wrote on stderr."""
        status = self._child.wait()
        self._reader.join(_LOOK * 10)  # a grandchild may hold the stream
        return status, self._errors.join_tail()

    def stop(self) -> None:
        """End it, so that whoever reads its lines or waits for it goes on."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it, and close its streams."""
        _end_group(self._child)


def replace(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Become another program, which then gets the signals, the terminal and the exit status of this process.

    Errors: ProgramMissingError.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if not _IMAGE_PROGRAMS.isdisjoint(argv):
        os.umask(_IMAGE_UMASK)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and what is ignored stays so
    try:
        os.execvpe(argv[0], list(argv), dict(env))  # noqa: S606  # without a shell, as all here
    except FileNotFoundError as error:
        raise _missing_program(argv[0]) from error


def _missing_program(program: str) -> ProgramMissingError:
    package = _PACKAGES.get(program, program)
    return ProgramMissingError(f"the program {show_value(program)} is not installed", hint=f"apt-get install {package}")


class _Stream:
    """One stream of a child: reported line by line, its end (or, up to `limit`, all of it) kept."""

    def __init__(self, hide: Callable[[str], str], line: Callable[[str], None] | None, limit: int) -> None:
        self.hide, self.line, self.limit = hide, line, limit
        self.kept: deque[str] = deque()
        self.size = 0
        self.rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for raw in lines:
            self._take(raw.decode(errors="replace") + "\n")
        if len(self.rest) > _KEPT:  # a line without an end: pass its beginning on, but not where a secret may go on
            text = self.hide(self.rest.decode(errors="surrogateescape"))
            self._take(text[:-_HELD].encode(errors="surrogateescape").decode(errors="replace"))
            self.rest = text[-_HELD:].encode(errors="surrogateescape")

    def close(self) -> None:
        if self.rest:
            self._take(self.rest.decode(errors="replace"))
            self.rest = b""

    def _take(self, text: str) -> None:
        text = self.hide(text)
        if self.line:
            self.line(text.rstrip("\r\n"))
        self.kept.append(text)
        self.size += len(text)
        while self.size > self.limit and len(self.kept) > 1:
            self.size -= len(self.kept.popleft())

    def join_text(self) -> str:
        return "".join(self.kept)

    def join_tail(self) -> str:
        return self.join_text()[-_KEPT:]


def _pump(
    child: subprocess.Popen[bytes],
    stdin: bytes | None,
    out: _Stream,
    err: _Stream,
    deadline: float | None,
    stop: threading.Event | None,
) -> bool:
    """Move bytes until both streams end; return True when the deadline came first."""
    assert child.stdout
    assert child.stderr
    if stdin is not None:
        threading.Thread(target=_feed_stdin, args=(child, stdin), daemon=True).start()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ, out)
        selector.register(child.stderr, selectors.EVENT_READ, err)
        while selector.get_map():
            wait = None if deadline is None else max(0.0, deadline - time.monotonic())
            if stop is not None:
                wait = min(_LOOK, _LOOK if wait is None else wait)
            ready = selector.select(1.0 if wait is None else min(wait, 1.0))
            if stop is not None and stop.is_set():
                return False
            if deadline is not None and time.monotonic() >= deadline:
                return True
            if not ready and child.poll() is not None:
                break  # the child is gone and a grandchild holds its streams
            for key, _ in ready:
                data = os.read(key.fd, _CHUNK)
                if data:
                    key.data.feed(data)
                else:
                    key.data.close()
                    selector.unregister(key.fileobj)
    try:
        child.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return True
    return False


def _feed_stdin(child: subprocess.Popen[bytes], data: bytes) -> None:
    assert child.stdin
    with contextlib.suppress(OSError), child.stdin as pipe:
        pipe.write(data)


def _end_living(child: subprocess.Popen[bytes]) -> None:
    """End a child that nobody has ended; the number of one that has ended may be another's."""
    if child.poll() is None:
        _end_group(child)


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End the child's whole group, whatever is left of it, and wait for the child."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(2)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for stream in (child.stdout, child.stderr):
        if stream:
            stream.close()

"""A child process of a run: start it, show what it prints, wait for it, stop it."""

from __future__ import annotations

import codecs
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, TextIO

from ..common.ready_descriptors import find_ready
from ..errors import OvenbirdError, SettingsError

_PACKAGE = str(Path(__file__).parents[2])
# the current folder is no place to import from, and this package is found where its parent has found it
_COMMAND = (
    "import sys; sys.path[:] = [path for path in sys.path if path] + [{package!r}];"
    " from {module} import main; main({request}, {report})"
)
_LOOK = 0.1  # seconds between two looks at a process that prints nothing
_LONGEST = 65536  # bytes that are read at once
_Stream = tuple[str, codecs.IncrementalDecoder]


class CommandProcess:
    """A process in a session of its own. `log`: the file that takes what it prints; else its text comes by pipes."""

    def __init__(
        self, argv: Sequence[str], environ: Mapping[str, str], log: int | None = None, pass_fds: tuple[int, ...] = ()
    ) -> None:  # fmt: skip
        """Start it; `pass_fds` are the descriptors that it has beside its streams. Errors: OvenbirdError."""
        output = log if log is not None else subprocess.PIPE
        try:
            self._popen = subprocess.Popen(  # noqa: S603  # this interpreter, or an engine of containers
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=dict(environ),
                pass_fds=pass_fds, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise OvenbirdError(f"no process could be started: {error.strerror or error}") from None
        self._streams: dict[int, _Stream] | None = None

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._popen.pid

    def show_output(self, ended: Callable[[], bool]) -> None:
        """Write what the child prints to the streams of this process, until they are closed or `ended` says so."""
        streams = self._open_streams()
        while streams:
            is_last = ended()  # a process of the child's own may hold the pipes for ever
            readable = find_ready(streams, 0 if is_last else _LOOK)
            _copy_texts(streams, readable)
            if is_last and not readable:
                return

    def _open_streams(self) -> dict[int, _Stream]:
        """Return the pipes of what the child prints, each with the name of our stream and a decoder."""
        if self._streams is None:
            self._streams = {}
            for pipe, name in ((self._popen.stdout, "stdout"), (self._popen.stderr, "stderr")):
                if pipe is not None:
                    os.set_blocking(pipe.fileno(), False)
                    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
                    self._streams[pipe.fileno()] = (name, decoder)
        return self._streams

    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        return self._popen.poll() is not None

    @property
    def is_reaped(self) -> bool:
        """Return whether the end of the process has been seen: its number may be another's since then."""
        return self._popen.returncode is not None

    @property
    def was_killed(self) -> bool:
        """Return whether a signal has ended the process."""
        return (self._popen.returncode or 0) < 0

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the process has ended; return False if the time is over before."""
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop the run: as Ctrl-C does, unless another signal is given."""
        with contextlib.suppress(ProcessLookupError):
            self._popen.send_signal(number)

    def kill(self) -> None:
        """Kill the process and those that it has started in its session."""
        with contextlib.suppress(OSError):
            os.killpg(self._popen.pid, signal.SIGKILL)

    def release(self) -> None:
        """Close our ends of the pipes."""
        for pipe in (self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                pipe.close()

    def describe_end(self) -> str:
        """Return in words how the process has ended before its run had."""
        code = self._popen.returncode
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            return f"process {self.pid} was killed by {name} before its run had ended"
        return f"process {self.pid} ended with {code} before its run had ended"


class ChildProcess(CommandProcess):
    """A process of this interpreter that executes runs: it gets a request, and reports, by pipes.

    `module` is that of this package, or a whole name, whose `main` it calls.
    """

    def __init__(
        self, request: bytes, environ: Mapping[str, str], log: int | None, module: str = "child"
    ) -> None:  # fmt: skip
        if not sys.executable:
            raise SettingsError(
                "the interpreter does not know its own path, so no process can be started", hint='on="here"'
            )
        theirs, self._lifeline = os.pipe()
        self._report, report = os.pipe()
        command = _COMMAND.format(
            package=_PACKAGE,
            module=module if "." in module else f"ovenbird.api.{module}",
            request=theirs,
            report=report,
        )
        self._report_text = b""
        try:
            try:
                super().__init__([sys.executable, "-c", command], environ, log, (theirs, report))
            finally:
                _close(theirs, report)
            self._send(request)
        except BaseException:
            self._abandon()
            raise

    def _send(self, request: bytes) -> None:
        """Write the request. Show meanwhile what the child prints: on a full pipe it would never read."""
        streams, rest = self._open_streams(), memoryview(request + b"\n")
        os.set_blocking(self._lifeline, False)
        with contextlib.suppress(BrokenPipeError):  # it has ended, which the reader of its reports finds
            while rest:
                ready = find_ready(streams, _LOOK, [self._lifeline])
                _copy_texts(streams, [descriptor for descriptor in ready if descriptor != self._lifeline])
                if self._lifeline in ready:
                    rest = rest[os.write(self._lifeline, rest[:_LONGEST]) :]

    def _abandon(self) -> None:
        """End a child that could not be started, or not be told what to do."""
        if not hasattr(self, "_popen"):
            _close(self._lifeline, self._report)
            return
        self.kill()
        self.wait()
        self.release()

    def read_reports(self, seconds: float = math.inf) -> Iterator[dict[str, Any]]:
        """Yield what the child reports until it has ended, or the time is over; show what it prints meanwhile."""
        deadline = monotonic() + seconds
        streams = self._open_streams()
        is_open = True
        while (is_open or streams) and monotonic() < deadline:
            is_last = self.has_ended()
            wanted = [*([self._report] if is_open else []), *streams]
            readable = find_ready(wanted, 0 if is_last else min(_LOOK, seconds))
            _copy_texts(streams, [descriptor for descriptor in readable if descriptor != self._report])
            if self._report in readable:
                data = os.read(self._report, _LONGEST)
                is_open = bool(data)
                *lines, self._report_text = (self._report_text + data).split(b"\n")
                yield from map(json.loads, lines)
            if is_last and not readable:
                return

    def release(self) -> None:
        """Close our ends of the pipes: a child that is bound to this process ends then, should it still run."""
        _close(self._lifeline, self._report)
        super().release()


def _copy_texts(streams: dict[int, _Stream], readable: list[int]) -> None:
    """Copy what can be read to the streams of this process; remove the pipes that have ended."""
    for descriptor in readable:
        if not _copy_text(descriptor, *streams[descriptor]):
            del streams[descriptor]


def _copy_text(descriptor: int, name: str, decoder: codecs.IncrementalDecoder) -> bool:
    """Copy what can be read to the stream of that name; return False at the end of the pipe."""
    try:
        data = os.read(descriptor, _LONGEST)
    except BlockingIOError:
        return True
    stream = getattr(sys, name)
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):  # a closed stream is no reason to end the run
            _write_text(stream, decoder.decode(data, final=not data))
            stream.flush()
    return bool(data)


def _write_text(stream: TextIO, text: str) -> None:
    """Write a text; characters that the stream cannot encode become escapes."""
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = getattr(stream, "encoding", None) or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)

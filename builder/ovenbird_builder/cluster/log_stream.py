"""The log of a pod as it is written: connections that break are made again, and no line comes twice or is lost."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from ..errors import ClusterAccessError, ClusterError, ClusterUnreachableError, ObjectMissingError
from ..host.process import ProcessStream
from ..kubernetes.pod import CONTAINER
from .kubectl import OUTAGES, Kubectl, make_error

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds until a connection that broke is made again
_REMEMBERED = 200_000  # lines that may come again after a break
_ROTATED = 10 * 1024**2  # bytes of a file until a node begins another one, unless it is set up otherwise
_ADJACENT = 1.0  # seconds between two lines that nothing may lie between
_SECONDS = 10  # seconds of lines that are remembered while the clock goes on


class SeenLines:
    """The lines that came lately, so that those which a new connection repeats are left out.

    The API server sends from the beginning of a second on, by the clock of the node, so a line is told by all its
    text, its time included. A clock that goes back does no harm: lines are counted, their times are not compared.
    """

    def __init__(self) -> None:
        self._seconds: deque[tuple[bytes, list[int]]] = deque()  # a second, and the hashes of its lines
        self._current: list[int] = []
        self._second = b""
        self._repeated: Counter[int] = Counter()
        self._is_resuming = False
        self.since = ""  # the beginning of the last line's second, as kubectl takes it
        self._last = b""
        self._size = 0  # bytes since a file was begun, as far as that is seen
        self._arrivals = (0.0, 0.0)  # when the lines before and those that are taken now have come
        self.gap = ""  # `11:00:01 to 11:00:09`, where lines may be missing before the last one

    def begin_connection(self) -> None:
        """Expect the lines again that have come."""
        self._is_resuming, self._size = bool(self.since), 0
        self._repeated = Counter(digest for _, digests in self._seconds for digest in digests)

    def note_arrival(self, size: int, now: float) -> None:
        """Note that lines of so many bytes have come, now in seconds of a clock, and are taken next."""
        self._size += size
        self._arrivals = (self._arrivals[1], now)

    def is_new(self, line: bytes) -> bool:
        """Return whether a line, its time included, has not come before; remember it."""
        digest = hash(line)
        if self._repeated.get(digest):
            self._repeated[digest] -= 1
            self._is_resuming = False
            return False
        if self._is_resuming:
            self._is_resuming = False
            self._find_gap(line)
        if line[:19] != self._second:  # 2026-11-29T11:30:00
            if self._size > _ROTATED:
                self._find_gap(line, self._arrivals[1] - self._arrivals[0])
            self._begin_second(line)
        self._last = line
        self._current.append(digest)
        return True

    def find_lost_end(self) -> str:
        """Return the time of the last line, where a connection has ended in which it has not come again, nor another.

        Else empty.
        """
        return self._last[11:19].decode(errors="replace") if self._is_resuming else ""

    def trim(self) -> None:
        """Forget lines of the last second, where there are very many."""
        if len(self._current) > _REMEMBERED:
            del self._current[: _REMEMBERED // 2]

    def _find_gap(self, line: bytes, waited: float = 0.0) -> None:
        """Set `gap` where a line was written well after the one before, and was not waited for as long.

        The node passes over files that are read too slowly. Such a file holds the lines of several seconds: a node
        looks every 10 s whether one is full.
        """
        texts = [text[:19].decode(errors="replace") for text in (self._last, line)]
        with contextlib.suppress(ValueError):  # no time
            first, second = map(datetime.fromisoformat, texts)
            seconds = abs((second - first).total_seconds())
            if seconds > _ADJACENT and waited < seconds / 2:
                self.gap, self._size = f"{texts[0][11:]} to {texts[1][11:]}", 0

    def _begin_second(self, line: bytes) -> None:
        second = line[:19]
        if second > self._second:  # nothing earlier is sent again, unless the clock goes back
            while len(self._seconds) > _SECONDS:
                self._seconds.popleft()
        elif sum(len(digests) for _, digests in self._seconds) > _REMEMBERED:
            self._seconds.popleft()
        self._second, self._current = second, []
        self._seconds.append((second, self._current))
        time = line.partition(b" ")[0]
        zone = b"Z" if time.endswith(b"Z") else time[-6:]
        self.since = (second + zone).decode(errors="replace")


class LogStream:
    """A thread that hands the lines of one pod's log to `write`, with their ends, until `finish` or `stop`.

    `note` gets what people should know, such as that there is no right to read the log.
    """

    def __init__(
        self, kubectl: Kubectl, pod: str, write: Callable[[bytes], object], note: Callable[[str], object]
    ) -> None:  # fmt: skip
        self._kubectl, self._pod, self._write, self._note = kubectl, pod, write, note
        self._seen = SeenLines()
        self._count = 0  # lines that were handed on
        self._is_finished, self._is_stopped = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._connection: ProcessStream | None = None
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"log of {pod}", daemon=True)
        self._thread.start()

    def finish(self, timeout: float) -> bool:
        """Read what is left, now that the container has ended; return whether all came, with no pause of `timeout`."""
        self._is_finished.set()
        count = -1
        while self._thread.is_alive() and count != self._count:
            count = self._count
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Stop reading."""
        self._is_stopped.set()
        with self._lock:
            if self._connection is not None:
                self._connection.stop()
        self._thread.join(5)

    def is_alive(self) -> bool:
        """Return whether lines may come."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._follow()
        except (OSError, ValueError, ClusterError) as error:  # of whoever takes the lines: a closed pipe, a full disk
            self.failure = error

    def _follow(self) -> None:
        pause = _FIRST_PAUSE
        while not self._is_stopped.is_set():
            was_finished = self._is_finished.is_set()
            count, error = self._read_connection(takes_rest=was_finished)
            if error is None and was_finished:
                if time := self._seen.find_lost_end():
                    self._note(f"the log may lack lines from {time} on: the node has begun a new file meanwhile")
                return
            if isinstance(error, ObjectMissingError):
                return
            if isinstance(error, ClusterAccessError) and not isinstance(error, OUTAGES):
                self._note(f"the log cannot be read: {error.message}")
                return
            pause = _FIRST_PAUSE if count else min(pause * 2, _LONGEST_PAUSE)
            (self._is_stopped if was_finished or error else self._is_finished).wait(pause)

    def _read_connection(self, *, takes_rest: bool) -> tuple[int, ClusterError | None]:
        """Hand on the new lines of one connection; return how many there were, and the error that has ended it.

        `takes_rest`: a last line without a line feed is whole, as the container has ended.
        """
        since = [f"--since-time={self._seen.since}"] if self._seen.since else []
        words = ["logs", self._pod, f"--container={CONTAINER}", "--timestamps", "--follow", *since]
        with self._lock:
            if self._is_stopped.is_set():
                return 0, None
            try:
                stream = self._kubectl.open_stream(*words)
            except ClusterError as refusal:
                return 0, refusal
            self._connection = stream
        before, rest = self._count, b""
        self._seen.begin_connection()
        try:
            for chunk in stream.read_chunks():
                self._seen.note_arrival(len(chunk), monotonic())
                *lines, rest = (rest + chunk).split(b"\n")
                self._take([line + b"\n" for line in lines])
            status, output = stream.wait()
        finally:
            with self._lock:
                self._connection = None
            stream.close()
        if status and not self._is_stopped.is_set():
            error = make_error(output, "kubectl logs") if output.strip() else ClusterUnreachableError("broken off")
            return self._count - before, error
        if takes_rest and rest:  # else a line that was broken off
            self._take([rest])
        return self._count - before, None

    def _take(self, lines: list[bytes]) -> None:
        """Hand on the new ones of these lines, without their times. An error of the kubelet amid them has no time."""
        is_new = self._seen.is_new
        texts = [line[line.find(b" ") + 1 :] for line in lines if line[:1].isdigit() and is_new(line)]
        if self._seen.gap:
            self._note(f"the log may lack lines from {self._seen.gap}: the node has begun a new file meanwhile")
            self._seen.gap = ""
        if texts:
            self._write(b"".join(texts))
            self._count += len(texts)
            self._seen.trim()

"""The log of a pod as it is written: connections that break are made again, and no line comes twice or is lost."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable

from ..errors import ClusterAccessError, ClusterError, ClusterUnreachableError, ObjectMissingError
from ..host.process import ProcessStream
from ..kubernetes.pod import CONTAINER
from .kubectl import Kubectl, make_error

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds until a connection that broke is made again
_REMEMBERED = 200_000  # lines that may come again after a break: those of one second, and more if a clock went back


class SeenLines:
    """The lines that came lately, so that those which a new connection repeats are left out.

    The API server sends from the beginning of a second on, by the clock of the node, so a line is told by all its
    text, its time included. A clock that goes back does no harm: lines are counted, their times are not compared.
    """

    def __init__(self) -> None:
        self._recent: deque[tuple[bytes, int]] = deque()  # the second of a line, and its hash
        self._repeated: Counter[int] = Counter()
        self._second = b""  # of the last line
        self.since = ""  # the beginning of that second, as kubectl takes it

    def begin_connection(self) -> None:
        """Expect the lines again that have come."""
        self._repeated = Counter(digest for _, digest in self._recent)

    def is_new(self, line: bytes) -> bool:
        """Return whether a line, its time included, has not come before; remember it."""
        digest = hash(line)
        if self._repeated.get(digest, 0) > 0:
            self._repeated[digest] -= 1
            return False
        second = line[:19]  # 2026-11-29T11:30:00
        if second > self._second:  # nothing earlier is sent again, unless the clock goes back
            while self._recent and self._recent[0][0] < second and len(self._recent) > _REMEMBERED // 100:
                self._recent.popleft()
        elif len(self._recent) > _REMEMBERED:
            self._recent.popleft()
        if second != self._second:
            time = line.partition(b" ")[0]
            zone = b"Z" if time.endswith(b"Z") else time[-6:]
            self._second, self.since = second, (second + zone).decode(errors="replace")
        self._recent.append((second, digest))
        return True


class LogStream:
    """A thread that hands the lines of one pod's log to `write`, with their ends, until `finish` or `stop`.

    `note` gets what people should know, such as that there is no right to read the log.
    """

    def __init__(
        self, kubectl: Kubectl, pod: str, write: Callable[[bytes], object], note: Callable[[str], object]
    ) -> None:  # fmt: skip
        self._kubectl, self._pod, self._write, self._note = kubectl, pod, write, note
        self._seen = SeenLines()
        self._is_finished, self._is_stopped = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._connection: ProcessStream | None = None
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"log of {pod}", daemon=True)
        self._thread.start()

    def finish(self, timeout: float) -> bool:
        """Read what is left, now that the container has ended; return whether that took less than `timeout` seconds."""
        self._is_finished.set()
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
                return
            if isinstance(error, ObjectMissingError):
                return
            if isinstance(error, ClusterAccessError):
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
            stream = self._kubectl.open_stream(*words)
            self._connection = stream
        count, rest = 0, b""
        self._seen.begin_connection()
        try:
            for line in stream.read_lines():
                if not line.endswith(b"\n"):
                    rest = line  # of a broken connection, or the end of a log without a line feed
                    break
                count += self._take(line)
            status, output = stream.wait()
        finally:
            with self._lock:
                self._connection = None
            stream.close()
        if status and not self._is_stopped.is_set():
            return count, make_error(output, "kubectl logs") if output.strip() else ClusterUnreachableError(
                "broken off"
            )
        if takes_rest and rest:
            count += self._take(rest)
        return count, None

    def _take(self, line: bytes) -> int:
        time, blank, text = line.partition(b" ")
        if not blank or not time[:1].isdigit():  # an error of the kubelet amid the log has no time
            return 0
        if self._seen.is_new(line):
            self._write(text)
            return 1
        return 0

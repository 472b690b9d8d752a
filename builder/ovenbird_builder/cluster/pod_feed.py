"""The pods of a selector, as they change: a thread reads a watch of kubectl, and makes a new one when it ends."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ..errors import ClusterError
from ..host.process import ProcessStream
from .kubectl import Kubectl

Document = dict[str, Any]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds until a watch that has ended is made again


class PodChange(Struct, frozen=True):
    """A pod that is there, or was (`is_deleted`); `pod` is None when the watch has ended, and changes were missed."""

    pod: Document | None
    is_deleted: bool = False


class PodFeed:
    """Puts each change of the pods into `changes`, until `close`."""

    def __init__(self, kubectl: Kubectl, selector: str) -> None:
        self.changes: queue.Queue[PodChange] = queue.Queue()
        self._kubectl, self._selector = kubectl, selector
        self._is_closed = threading.Event()
        self._lock = threading.Lock()
        self._stream: ProcessStream | None = None
        self._thread = threading.Thread(target=self._run, name="watch of pods", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the watch."""
        self._is_closed.set()
        with self._lock:
            if self._stream is not None:
                self._stream.stop()
        self._thread.join(5)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._is_closed.is_set():
            try:
                count = self._read_watch()
            except (OSError, ClusterError):  # no process can be started, or its pipe has failed: for now
                count = 0
            self.changes.put(PodChange(None))
            pause = _FIRST_PAUSE if count else min(pause * 2, _LONGEST_PAUSE)
            self._is_closed.wait(pause)

    def _read_watch(self) -> int:
        """Read one watch to its end; return how many changes there were."""
        with self._lock:
            if self._is_closed.is_set():
                return 0
            stream = self._kubectl.open_stream(
                "get", "pods", "-l", self._selector, "-o", "json", "--watch", "--output-watch-events"
            )
            self._stream = stream
        count = 0
        try:
            for event in parse_documents(stream.read_lines()):
                kind, pod = event.get("type"), event.get("object") or {}
                if kind in ("ADDED", "MODIFIED", "DELETED"):
                    self.changes.put(PodChange(pod, kind == "DELETED"))
                    count += 1
        finally:
            with self._lock:
                self._stream = None
            stream.close()
        return count


def parse_documents(lines: Iterator[bytes]) -> Iterator[Document]:
    """Yield the JSON objects of a stream: each on one line, or indented and ended by a brace that is not."""
    text = b""
    for line in lines:
        text += line
        if line[:1] in (b"}", b"{") and line.rstrip().endswith(b"}"):
            try:
                document = json.loads(text)
            except ValueError:  # it goes on, or was broken off
                continue
            text = b""
            if isinstance(document, dict):
                yield document

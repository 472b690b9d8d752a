"""What is going on, for people, on stderr: live on a terminal, one line per event elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO

from ovenbird.common.redact import make_redactor

Tell = Callable[[str], None]
_SHOWN = 0.2  # seconds: a stage that took less is not worth a line of its time


class Progress:
    """Plain lines. `secrets` never appear in them."""

    def __init__(self, stream: TextIO | None = None, secrets: tuple[str, ...] = ()) -> None:
        self._stream = stream or sys.stderr
        self._hide: Callable[[str], str] = make_redactor(secrets)
        self._lock = threading.Lock()
        self._notes: set[str] = set()

    def say_once(self, text: str) -> None:
        """Print a line once in a build, however many platforms or functions it is true of."""
        if text not in self._notes:
            self._notes.add(text)
            self.say(text)

    def print_line(self, text: str) -> None:
        """Print a line of a step's output."""
        self.say(f"  | {text}")

    def say(self, text: str) -> None:
        """Print a line."""
        with self._lock, contextlib.suppress(OSError, ValueError):  # nobody reads: the build goes on
            self._stream.write(_remove_controls(self._hide(text)) + "\n")
            self._stream.flush()

    def warn(self, texts: Iterable[str]) -> None:
        """Print a line for each warning."""
        for text in texts:
            self.say(f"warning: {text}")

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[Tell]:
        """Print what begins and, at its end, how long it took and what the block reported of its outcome."""
        start, notes = time.monotonic(), list[str]()
        self.say(f"> {_shorten(self._hide(title))}")
        yield notes.append
        seconds = time.monotonic() - start
        if notes or seconds >= _SHOWN:
            self.say("  " + ", ".join([*notes, f"{seconds:.1f} s"]))

    def close(self) -> None:
        """Leave nothing on the screen."""


class Silent(Progress):
    """Nothing: nobody wants to know."""

    def say(self, text: str) -> None:
        """Say nothing."""


SILENT = Silent()


class Live(Progress):
    """On a terminal: the stage that is going on, with its time, below the lines that stay. Needs `rich`."""

    def __init__(self, stream: TextIO | None = None, secrets: tuple[str, ...] = ()) -> None:
        super().__init__(stream, secrets)
        from rich.console import Console

        self._console = Console(file=self._stream, highlight=False, markup=False)
        self._status: Any = None

    def say(self, text: str) -> None:
        with self._lock:
            self._console.print(_remove_controls(self._hide(text)), style="dim" if text.startswith("  ") else None)

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[Tell]:
        from rich.text import Text

        start, notes = time.monotonic(), list[str]()
        shown_title = Text(_shorten(_remove_controls(self._hide(title))))
        outer, self._status = self._status, None
        if outer:
            outer.stop()
        self._status = self._console.status(shown_title)
        self._status.start()
        try:
            yield notes.append
            self.say(f"{shown_title} {', '.join([*notes, f'{time.monotonic() - start:.1f} s'])}")
        finally:
            self._status.stop()
            self._status = outer
            if outer:
                outer.start()

    def close(self) -> None:
        if self._status:
            self._status.stop()


def make_progress(stream: TextIO, secrets: tuple[str, ...]) -> Progress:
    """Return live progress on a terminal, plain elsewhere. `rich` is imported when there is something to show."""
    if stream.isatty():
        return _LazyProgress(stream, secrets)
    return Progress(stream, secrets)


class _LazyProgress(Progress):
    """Becomes live with the first stage: a build with nothing to do shows nothing, and need not load `rich`."""

    _real: Live | None = None

    def _start_live(self) -> Live:
        if self._real is None:
            self._real = Live(self._stream)
            self._real._hide = self._hide
        return self._real

    def say(self, text: str) -> None:
        if self._real:
            self._real.say(text)
        else:
            super().say(text)

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[Tell]:
        with self._start_live().stage(title) as tell:
            yield tell

    def close(self) -> None:
        if self._real:
            self._real.close()


def _shorten(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "..."


def _remove_controls(text: str) -> str:
    """Return the text without what moves the cursor or changes colours: the output of a step is not to be trusted."""
    return "".join(char if char.isprintable() or char == "\t" else "" for char in text.replace("\x1b[", ""))

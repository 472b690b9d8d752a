"""Run a coroutine to its end where this thread has an event loop already, as that of a notebook."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Coroutine
from typing import Any

from ..common.event_wait import wait_for_event


def run_coroutine(work: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine, from a loop of its own; in another thread where this one runs a loop."""
    if _is_loop_running():
        return _LoopThread(work).join()
    return asyncio.run(work)  # not in an `except`: what the coroutine raises would show that error as its context


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _LoopThread:
    """A thread that runs one coroutine, with a copy of the context of its caller."""

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work, self._result = work, None
        self._error: BaseException | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_cancelled = False
        self._ended = threading.Event()  # up to Python 3.12 an interrupted `Thread.join` takes a live thread for dead
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="ovenbird-run", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = asyncio.run(self._keep_task())
        except BaseException as error:  # the caller raises it
            self._error = error
        finally:
            self._ended.set()

    async def _keep_task(self) -> Any:
        self._task = asyncio.current_task()
        if self._is_cancelled:  # before the task was known
            self._work.close()
            raise asyncio.CancelledError
        return await self._work

    def join(self) -> Any:
        """Return the result, or raise what was raised. Ctrl-C cancels the coroutine, and is raised after its end."""
        interrupt: KeyboardInterrupt | None = None
        while not self._ended.is_set():
            try:
                wait_for_event(self._ended)
            except KeyboardInterrupt as error:
                interrupt = error
                self._cancel()
        if interrupt is not None:
            raise interrupt
        if self._error is not None:
            raise self._error
        return self._result

    def _cancel(self) -> None:
        self._is_cancelled = True
        task = self._task
        if task is not None:
            with contextlib.suppress(RuntimeError):  # its loop has just been closed
                task.get_loop().call_soon_threadsafe(task.cancel)

"""Threads and the loop are woken, with and without `eventfd`."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from contextvars import Context, ContextVar
from typing import Any

import pytest

from ovenbird.serve.concurrency.wake_up import make_alarm, make_bell


@pytest.fixture(params=["eventfd", "none left", "none"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A system with `eventfd`, one whose descriptors are used up, and one that has none."""

    def refuse(*_: Any) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    if request.param == "none left":
        monkeypatch.setattr(os, "eventfd", refuse)
    elif request.param == "none":
        monkeypatch.delattr(os, "eventfd")
    return str(request.param)


@pytest.mark.usefixtures("kind")
def test_a_ring_wakes_one_wait() -> None:
    """A ring before the wait is not lost, one after it ends it, and each serves once."""
    alarm, waits = make_alarm(), threading.Semaphore(0)

    def wait() -> None:
        for _ in range(2):
            alarm.wait()
            waits.release()

    alarm.ring()
    thread = threading.Thread(target=wait)
    thread.start()
    assert waits.acquire(timeout=60)
    assert not waits.acquire(timeout=0.05)
    alarm.ring()
    assert waits.acquire(timeout=60)
    thread.join()


@pytest.mark.usefixtures("kind")
def test_the_bell_calls_on_the_loop() -> None:
    """The callback runs on the loop's thread after each ring; one that comes when the loop is closed does no harm."""
    calls: list[threading.Thread] = []

    async def run() -> Any:
        loop = asyncio.get_running_loop()
        rung = asyncio.Event()

        def callback() -> None:
            calls.append(threading.current_thread())
            rung.set()

        bell, _ = make_bell(loop, callback, None)
        for _ in range(2):
            rung.clear()
            await asyncio.to_thread(bell)
            await rung.wait()
        return bell

    bell = asyncio.run(run())
    bell()
    assert calls == [threading.current_thread()] * 2


@pytest.mark.usefixtures("kind")
def test_the_bell_has_the_context_that_it_was_given() -> None:
    """The callback does not see what the code that rang, or that made the bell, has set."""
    variable: ContextVar[str] = ContextVar("variable", default="clean")

    async def run() -> str:
        value: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        clean = Context()
        variable.set("of a call")
        bell, close = make_bell(asyncio.get_running_loop(), lambda: value.set_result(variable.get()), clean)
        bell()
        try:
            return await value
        finally:
            close()

    assert asyncio.run(run()) == "clean"

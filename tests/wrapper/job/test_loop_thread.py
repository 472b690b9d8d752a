"""A coroutine in a thread of its own, for a caller whose thread runs a loop: Ctrl-C ends it, and is then raised."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import traceback

import pytest
from tests.service import wait_until

from ovenbird.job.loop_thread import run_coroutine


def _is_waiting() -> bool:
    """Return whether the main thread waits for the coroutine."""
    frame = sys._current_frames()[threading.main_thread().ident or 0]
    return {"join", "wait"} <= {inner.f_code.co_name for inner, _ in traceback.walk_stack(frame)}


@pytest.mark.parametrize("to_thread", [False, True], ids=["to the process", "to another thread"])
def test_ctrl_c_is_raised_after_the_end_of_the_coroutine(to_thread: bool) -> None:
    """The coroutine is cancelled, and may take its time to clean up; whichever thread is given the signal."""
    begun, ended = threading.Event(), []

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.1)
            ended.append(True)

    def press() -> None:
        begun.wait(60)
        wait_until(_is_waiting, lambda: "nobody waits")
        if to_thread:
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        else:
            os.kill(os.getpid(), signal.SIGINT)

    async def main() -> None:
        run_coroutine(work())

    thread = threading.Thread(target=press)
    thread.start()
    loop = asyncio.new_event_loop()  # `asyncio.run` has a way of its own with Ctrl-C; that of a notebook has not
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(main())
    loop.close()
    thread.join()
    assert ended == [True]

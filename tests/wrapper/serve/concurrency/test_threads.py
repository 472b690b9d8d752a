"""The threads of sync handlers: work is shared out, stopped, and never stopped in place of other work."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.raw import Raw, run_service

from ovenbird.serve.call import CallCancelled
from ovenbird.serve.concurrency.threads import HandlerThreadPool, WorkItem


class Work(WorkItem):
    """A job that runs a function; `outcome` becomes (result, error)."""

    def __init__(self, function: Callable[[], Any], disconnected: bool = False) -> None:
        super().__init__()
        self.function = function
        self.disconnected = disconnected
        self.outcome: asyncio.Future[tuple[Any, BaseException | None]] = asyncio.get_running_loop().create_future()

    def is_disconnected(self) -> bool:
        return self.disconnected

    def work(self) -> Any:
        return self.function()

    def finish(self, outcome: Any, error: BaseException | None) -> None:
        self.outcome.set_result((outcome, error))


def spin() -> None:
    while True:
        pass


def run(main: Callable[[HandlerThreadPool], Any], limit: int = 2) -> None:
    async def within() -> None:
        await asyncio.wait_for(main(HandlerThreadPool(limit, asyncio.get_running_loop())), 200)

    asyncio.run(within())


def test_a_held_thread_does_not_delay_others() -> None:
    """While one thread is held up by a long job, each further job wakes another one at once, without a second look."""

    async def main(threads: HandlerThreadPool) -> None:
        hold = threading.Event()
        long, first = Work(hold.wait), Work(lambda: 1)
        threads.submit(long)
        threads.submit(first)  # waits for a look: nobody knows yet that the first thread is held up
        assert await first.outcome == (1, None)
        while not threads.idle:  # noqa: ASYNC110 (a thread that falls asleep tells nobody)
            await asyncio.sleep(0.001)
        threads.submit(Work(hold.wait))
        await asyncio.sleep(0)
        assert not threads.idle  # taken off the list of those that sleep, in the next turn of the loop
        hold.set()
        assert await long.outcome == (True, None)

    run(main)


def test_a_closed_pool_has_no_threads() -> None:
    """Threads that sleep end, and one that works ends after its job; a job that goes on is not waited for."""
    before = set(threading.enumerate())

    async def main(threads: HandlerThreadPool) -> None:
        hold = threading.Event()
        held, short = Work(hold.wait), Work(lambda: 1)
        threads.submit(held)
        threads.submit(short)
        assert await short.outcome == (1, None)
        await threads.close()
        (working,) = set(threading.enumerate()) - before
        hold.set()
        assert await held.outcome == (True, None)
        await asyncio.to_thread(working.join, 100)
        assert not working.is_alive()

    run(main)


def test_results_and_errors() -> None:
    """Results and exceptions of the work are handed to the loop, BaseExceptions too."""

    async def main(threads: HandlerThreadPool) -> None:
        jobs = [Work(lambda: 7), Work(lambda: 1 / 0), Work(lambda: (_ for _ in ()).throw(SystemExit(3)))]
        for job in jobs:
            threads.submit(job)
        outcomes = [await job.outcome for job in jobs]
        assert outcomes[0] == (7, None)
        assert [type(error) for _, error in outcomes[1:]] == [ZeroDivisionError, SystemExit]

    run(main)


@pytest.mark.slow
def test_never_more_threads_than_the_limit() -> None:
    """Work that takes long gets more threads, and never more than the limit."""
    running_now, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal running_now, most
        with lock:
            running_now += 1
            most = max(most, running_now)
        time.sleep(0.03)
        with lock:
            running_now -= 1

    async def main(threads: HandlerThreadPool) -> None:
        jobs = [Work(work) for _ in range(30)]
        for job in jobs:
            threads.submit(job)
        for job in jobs:
            await job.outcome
        assert threads.count == most == 3

    run(main, 3)


def test_short_work_on_one_thread() -> None:
    """Short calls, one after the other, never wake a second thread."""

    async def main(threads: HandlerThreadPool) -> None:
        for number in range(200):
            job = Work(lambda number=number: number)
            threads.submit(job)
            assert await job.outcome == (number, None)
        assert threads.count <= 2

    run(main, 10)


def test_work_of_a_client_that_left() -> None:
    """Work that nobody waits for is not begun."""

    async def main(threads: HandlerThreadPool) -> None:
        begun: list[int] = []
        job = Work(lambda: begun.append(1), disconnected=True)
        threads.submit(job)
        assert isinstance((await job.outcome)[1], CallCancelled)
        assert begun == []

    run(main)


def test_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any thread a job fails at once; with one, jobs wait for it."""
    real = threading.Thread.start

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main(threads: HandlerThreadPool) -> None:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        alone = Work(lambda: 1)
        threads.submit(alone)
        assert "can't start" in str((await alone.outcome)[1])
        monkeypatch.setattr(threading.Thread, "start", real)
        hold = threading.Event()
        first, second = Work(hold.wait), Work(lambda: 2)
        threads.submit(first)
        while not threads.working:  # noqa: ASYNC110 (a thread that begins tells nobody)
            await asyncio.sleep(0.001)
        monkeypatch.setattr(threading.Thread, "start", refuse)
        threads.submit(second)
        await asyncio.sleep(0.02)
        assert not second.outcome.done()
        hold.set()
        assert await first.outcome == (True, None)
        assert await second.outcome == (2, None)

    run(main)


def test_stop() -> None:
    """Queued work is removed from the queue; running work is interrupted; finished work is unchanged."""

    async def main(threads: HandlerThreadPool) -> None:
        begun = threading.Event()
        first, second = Work(lambda: (begun.set(), spin())), Work(spin)
        threads.submit(first)
        threads.submit(second)
        await asyncio.to_thread(begun.wait)
        assert second.thread is None
        assert threads.cancel(second)
        assert isinstance((await second.outcome)[1], CallCancelled)
        assert threads.cancel(first)
        assert isinstance((await first.outcome)[1], CallCancelled)
        assert not threads.cancel(first)
        after = Work(lambda: "after")
        threads.submit(after)
        assert await after.outcome == ("after", None)

    run(main, 1)


@pytest.mark.slow
def test_stop_at_any_moment() -> None:
    """Work is stopped at random moments, 500 times: each job ends once, and no other job is ever hit.

    A busy machine makes each time longer: there it is done after half a minute, once one was stopped.
    """

    def brief() -> str:
        end = time.perf_counter() + random.random() / 2000
        while time.perf_counter() < end:
            pass
        return "whole"

    async def main(threads: HandlerThreadPool) -> None:
        count = stopped = 0
        end = time.monotonic() + 30
        while not stopped or (count < 500 and time.monotonic() < end):
            count += 1
            victim, other = Work(brief), Work(brief)
            threads.submit(victim)
            threads.submit(other)
            await asyncio.sleep(random.random() / 1000)
            threads.cancel(victim)
            outcome, error = await victim.outcome
            assert outcome == "whole" or isinstance(error, CallCancelled)
            stopped += error is not None
            assert await other.outcome == ("whole", None)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0001)  # work is briefer than 5 ms: else the loop would get its turn only after its end
    try:
        run(main)
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.slow
def test_clients_that_leave_at_random(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Clients leave at random moments of their calls; those that stay get every answer, and each their own."""
    flags = ("--concurrency", "2", "--access-log", "false")
    with run_service(tmp_path_factory, "slots/busy.py:handler", *flags) as service:
        over = threading.Event()

        def leave() -> None:
            while not over.is_set():
                with Raw(service) as client:
                    client.post(b'{"name": "gone", "seconds": 0.3}')
                    time.sleep(random.random() / 10)

        leavers = [threading.Thread(target=leave) for _ in range(2)]
        for thread in leavers:
            thread.start()
        try:
            with Raw(service) as client:
                for number in range(15):
                    client.post(b'{"name": "%d", "seconds": 0.002}' % number)
                    answer = client.answer()
                    assert (answer.status, answer.body) == (200, b"%d" % number)
        finally:
            over.set()
            for thread in leavers:
                thread.join()

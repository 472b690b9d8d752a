"""The access log's buffer."""

from __future__ import annotations

import asyncio
import time
from time import perf_counter
from typing import Any

from ovenbird.serve.call import HttpCall
from ovenbird.serve.observability import access_log
from ovenbird.serve.observability.access_log import AccessLog

SCOPE = {"type": "http", "method": "GET", "path": "/p", "headers": []}


async def _nothing(*_: Any) -> Any:
    """Neither receive nor send is ever called."""


def _call() -> HttpCall:
    call = HttpCall(dict(SCOPE), _nothing, _nothing, {}, perf_counter())
    call.status = 200
    return call


def test_calls_are_written_together_a_moment_later() -> None:
    """A timer writes what came in one go, with the time at which each call ended; nothing is written twice."""
    written: list[list[tuple[float, str, dict[str, Any]]]] = []

    async def run() -> None:
        done = asyncio.Event()
        log = AccessLog("f", lambda records: (written.append(records), done.set())[0])
        log.start(asyncio.get_running_loop())
        for _ in range(3):
            log.add(_call(), 0.5)
        assert written == []
        await done.wait()
        log.flush()

    asyncio.run(run())
    (records,) = written
    assert [message for _, message, _ in records] == ["GET /p 200"] * 3
    assert all(abs(ended - time.time()) < 60 for ended, _, _ in records)
    assert records[0][2]["duration"] == 0.5
    assert records[0][2]["function"] == "f"


def test_lines_that_do_not_fit_are_counted() -> None:
    """More calls than the buffer holds leave one line that says how many are missing."""
    written: list[list[tuple[float, str, dict[str, Any]]]] = []
    log = AccessLog("f", written.append)

    async def run() -> None:
        log.start(asyncio.get_running_loop())
        call = _call()
        for _ in range(access_log._MAX_CALLS + 7):
            log.add(call, 0.1)
        log.flush()

    asyncio.run(run())
    assert len(written[0]) == access_log._MAX_CALLS + 1
    assert written[0][-1][1] == "7 calls are missing from the access log"

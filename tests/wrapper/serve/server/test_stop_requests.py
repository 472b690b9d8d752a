"""How a worker notices that its parent is gone."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvloop

from ovenbird.serve.lifecycle.state import WorkerLifecycle
from ovenbird.serve.server.control_pipe import READY
from ovenbird.serve.server.stop_requests import StopRequests
from ovenbird.serve.server.worker_context import WorkerSlot


@pytest.mark.parametrize("has_read", [True, False])
def test_a_parent_that_is_gone(has_read: bool) -> None:
    """The worker drains, also where the parent was killed before it had read a message."""

    async def run() -> tuple[bool, bool]:
        ours, theirs = socket.socketpair()
        requests = StopRequests(WorkerSlot(0, 0, ours.fileno(), False), WorkerLifecycle())
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)  # uvloop reports the error of the socket
        requests.watch(loop)
        requests.write_word(READY)
        if has_read:
            theirs.recv(16)
        requests.read_words()
        assert not requests.stop.is_set()
        theirs.close()
        await asyncio.sleep(0.05)
        requests.read_words()
        outcome = requests.stop.is_set(), requests.has_parent
        loop.remove_signal_handler(2)
        loop.remove_signal_handler(15)
        ours.close()
        return outcome

    assert uvloop.run(run()) == (True, False)

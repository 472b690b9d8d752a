"""Waiting for a thread: until the event, or the time, or Ctrl-C."""

from __future__ import annotations

import signal
import threading

import pytest

from ovenbird.common.event_wait import wait_for_event


def test_an_event_that_is_set_meanwhile() -> None:
    event = threading.Event()
    threading.Timer(0.02, event.set).start()
    assert wait_for_event(event)
    assert wait_for_event(event, 0)


@pytest.mark.parametrize("timeout", [0, 0.01, -1])
def test_the_time_is_over_before(timeout: float) -> None:
    assert not wait_for_event(threading.Event(), timeout)


@pytest.mark.slow
def test_a_signal_to_another_thread_is_noticed() -> None:
    def press() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    thread = threading.Timer(0.2, press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        wait_for_event(threading.Event())
    thread.join()

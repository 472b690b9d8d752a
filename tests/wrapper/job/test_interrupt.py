"""A run is stopped by signals and by its time limit, and its record says so."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest
from tests.jobs import Jobs

from ovenbird.job.interrupt import Interrupted, interruptible

_WAITS = """
import time
from collections.abc import Iterator
from pathlib import Path

{head}
def handler(project):
    project.log_artifact("before", data=b"kept")
    try:
        Path("started").touch()
        {wait}
    finally:
        Path("cleaned").touch()
"""
_SWALLOWS = """while True:
            try:
                time.sleep(3600)
            except Exception:
                pass"""
_LOOPS = {
    "sleep": _WAITS.format(head="", wait="time.sleep(3600)"),
    "loop": _WAITS.format(head="", wait="while True: sum(range(10))"),
    "swallow": _WAITS.format(head="", wait=_SWALLOWS),
    "async": _WAITS.format(head="import asyncio", wait="await asyncio.sleep(3600)").replace("def", "async def"),
    "lock": _WAITS.format(head="import threading", wait="threading.Event().wait()"),
}  # fmt: skip


@pytest.mark.parametrize("source", _LOOPS.values(), ids=list(_LOOPS))
def test_sigterm_stops_the_handler(jobs: Jobs, source: str) -> None:
    """Exit 143 and STOPPED; the handler's cleanup has run, and what it had logged is kept."""
    process, wait = jobs.start(source)
    jobs.until((jobs.folder / "started").exists)
    process.send_signal(signal.SIGTERM)
    done = wait()
    assert (done.code, done.result["state"]) == (143, "STOPPED"), done.err
    assert done.error == {"type": "stopped", "message": "stopped by SIGTERM", "traceback": ""}
    assert (jobs.folder / "cleaned").exists()
    assert list(done.result["outputs"]) == ["before"]
    assert jobs.record(done)["status"]["state"] == "STOPPED"


def test_sigint_stops_the_handler(jobs: Jobs) -> None:
    """Ctrl-C is exit 130 and STOPPED."""
    process, wait = jobs.start(_LOOPS["sleep"])
    jobs.until((jobs.folder / "started").exists)
    process.send_signal(signal.SIGINT)
    done = wait()
    assert (done.code, done.result["state"], done.error["message"]) == (130, "STOPPED", "stopped by SIGINT")


def test_sigterm_while_the_module_is_imported(jobs: Jobs) -> None:
    """A long import is part of the run: it is stopped and recorded like the handler."""
    process, wait = jobs.start(
        "import time\nfrom pathlib import Path\nPath('started').touch()\ntime.sleep(3600)\ndef handler(): pass\n"
    )
    jobs.until((jobs.folder / "started").exists)
    process.send_signal(signal.SIGTERM)
    done = wait()
    assert (done.code, done.result["state"]) == (143, "STOPPED"), done.err


@pytest.mark.parametrize("name", ["sleep", "loop", "async"])
def test_the_time_limit_stops_the_handler(jobs: Jobs, name: str) -> None:
    """Exit 75 and ERROR, whether the handler sleeps in C, loops or waits on the loop."""
    done = jobs.run(_LOOPS[name], "--timeout", "1s")
    assert (done.code, done.result["state"], done.error["type"]) == (75, "ERROR", "time_limit"), done.err
    assert done.error["message"] == "stopped by the time limit of 1 seconds"
    assert (jobs.folder / "cleaned").exists()


def test_init_is_stopped_too(jobs: Jobs) -> None:
    """The time limit covers init."""
    done = jobs.run("import time\ndef init(context): time.sleep(3600)\ndef handler(): pass\n", "--timeout", "500ms")
    assert (done.code, done.result["state"]) == (75, "ERROR"), done.err


@pytest.fixture
def signals() -> Iterator[None]:
    """The handlers of the test run itself, put back afterwards."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGURG)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
def test_only_the_first_signal_counts() -> None:
    """What cleans up after the first signal is not cut short by a second, nor is what comes after the block."""
    cleaned = False

    def work() -> None:
        nonlocal cleaned
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)
            cleaned = True

    with pytest.raises(Interrupted) as caught, interruptible(0):
        work()
    signal.raise_signal(signal.SIGTERM)
    assert (caught.value.reason, cleaned) == ("stopped", True)


@pytest.mark.usefixtures("signals")
def test_the_timer_ends_with_the_block() -> None:
    """No thread is left when the block ends before the limit."""
    before = threading.active_count()
    with interruptible(3600):
        assert threading.active_count() == before + 1
    end = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() == before

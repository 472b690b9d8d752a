"""Before the first call and after the last: construct, init, close."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.service import Service, wait_until

Serve = Callable[..., Service]

SLOW = """
import time, os
def init(context):
    while not os.path.exists("go"):
        time.sleep(0.01)
def handler():
    return "done"
"""


def test_the_port_opens_before_init_is_done(serve: Serve, tmp_path: Path) -> None:
    """While init runs the process is live and not ready, with the reason, and a call gets a `Retry-After`."""
    service = serve(SLOW, ready=False)
    service.wait_open()
    assert service.get("/_/live").status_code == 200
    ready = service.get("/_/ready")
    assert (ready.status_code, ready.json()) == (503, {"status": "starting", "reason": "init has not finished"})
    call = service.call({})
    assert (call.status_code, call.headers["retry-after"]) == (503, "1")
    assert call.headers["content-type"] == "application/problem+json"
    (tmp_path / "go").touch()
    service.wait_ready()
    assert service.call({}).text == "done"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_init_and_close_run_once_in_each_worker(serve: Serve, tmp_path: Path, workers: str) -> None:
    """init runs once per worker before the first call, in a thread; close once at the end."""
    service = serve(
        """
import os, threading
def note(word):
    with open("notes", "a") as file:
        file.write(f"{word} {os.getpid()} {threading.current_thread() is threading.main_thread()}\\n")
def init():
    note("init")
def close():
    note("close")
def handler():
    return "x"
""",
        "--workers", workers, "--drain-delay", "0",
    )  # fmt: skip
    wait_until(lambda: (tmp_path / "notes").read_text().count("init") == int(workers), lambda: service.log)
    wait_until(lambda: workers == "1" or "2 workers are ready" in service.log, lambda: service.log)
    for _ in range(10):
        assert service.call({}).text == "x"
    assert service.stop() == 0
    notes = [line.split() for line in (tmp_path / "notes").read_text().splitlines()]
    assert {word for word, _, _ in notes} == {"init", "close"}
    assert len(notes) == len({tuple(note) for note in notes}) == 2 * int(workers)
    assert len({pid for _, pid, _ in notes}) == int(workers)
    assert {main for _, _, main in notes} == {"False"}


@pytest.mark.slow
def test_an_async_init_runs_on_the_loop_that_serves(serve: Serve) -> None:
    """Resources of an async init belong to the loop on which async handlers and close run."""
    service = serve(
        """
import asyncio
async def init(context):
    await asyncio.sleep(0)
    context.loop = asyncio.get_running_loop()
async def handler(context):
    return asyncio.get_running_loop() is context.loop
async def close(context):
    context.logger.info_with("closed", same=asyncio.get_running_loop() is context.loop)
"""
    )
    assert service.get().json() is True
    assert service.stop() == 0
    assert [record["same"] for record in service.records if record["message"] == "closed"] == [True]


def test_parameters_of_init_come_from_flags_and_the_environment(serve: Serve) -> None:
    """--init takes JSON or text, OVENBIRD_INIT_PARAMETERS an object; flags win; hints convert; defaults may be left."""
    service = serve(
        """
def init(context, size: int, name: str, rate: float = 0.5, tags: list[str] = ()):
    context.got = [size, name, rate, list(tags)]
def handler(context):
    return context.got
""",
        "--init", "size=3", "--init", "name=plain text",
        OVENBIRD_INIT_PARAMETERS=json.dumps({"size": 2, "tags": ["a"]}),
    )  # fmt: skip
    assert service.get().json() == [3, "plain text", 0.5, ["a"]]


FAILING = {
    "raises": ("def init():\n    raise ValueError('no model')\n", (), "ValueError: no model"),
    "async raises": ("async def init():\n    raise ValueError('no model')\n", (), "ValueError: no model"),
    "exits": ("import sys\ndef init():\n    sys.exit(3)\n", (), "SystemExit: 3"),
    "sync hangs": ("import time\ndef init():\n    time.sleep(60)\n", ("--init-timeout", "300ms"), "0.3 seconds"),
    "async hangs": (
        "import asyncio\nasync def init():\n    await asyncio.sleep(60)\n", ("--init-timeout", "300ms"), "0.3 seconds",
    ),
    "blocks the loop": (
        "import time\nasync def init():\n    time.sleep(60)\n", ("--init-timeout", "300ms"), "0.3 seconds",
    ),
    "unknown parameter": ("def init(a: int = 1):\n    pass\n", ("--init", "b=1"), "b: unknown field"),
    "missing parameter": ("def init(a: int):\n    pass\n", (), "init do not fit: a"),
    "wrong type": ("def init(a: int):\n    pass\n", ("--init", "a=many"), "init do not fit: a"),
    "no init": ("", ("--init", "a=1"), "no init"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "workers"), [*((case, "1") for case in FAILING), ("raises", "2"), ("sync hangs", "2")]
)
def test_an_init_that_fails_ends_the_process_with_73(serve: Serve, case: str, workers: str) -> None:
    """One record has the reason, and the exit status is that of init, also that of the parent process."""
    source, flags, text = FAILING[case]
    service = serve(f"{source}\ndef handler():\n    return 1\n", *flags, "--workers", workers, ready=False)
    assert service.wait() == 73, service.log
    records = [record for record in service.records if record.get("code") == "init"]
    # an init that hangs may do so because of the fork: it is tried once more in workers that are not forked
    attempts = 2 if "hangs" in case and workers == "2" else 1
    assert 1 <= len(records) <= attempts * int(workers), service.log
    assert text in records[0]["message"]
    if "hangs" in case:
        assert "OVENBIRD_INIT_TIMEOUT" in records[0]["hint"]  # in a pod, the variable is what can be changed


def test_the_traceback_of_init_is_the_users_alone(serve: Serve) -> None:
    """The traceback is one field of one JSON record and shows no frame of Ovenbird's."""
    service = serve("def init():\n    [][1]\ndef handler():\n    return 1\n", ready=False)
    assert service.wait() == 73
    (record,) = service.records
    assert len(service.log.splitlines()) == 1
    assert (record["level"], record["exit_code"]) == ("error", 73)
    assert "main.py" in record["traceback"]
    assert "ovenbird" not in record["traceback"]


CLASS = """
import os
class Handler:
    made = 0
    def __init__(self):
        Handler.made += 1
    def init(self, context, factor: int = 2):
        self.factor = factor
    def __call__(self, n: int):
        return {"n": n * self.factor, "made": Handler.made}
    async def close(self):
        print("closed", flush=True)
    def ready(self):
        return not os.path.exists("unready")
    def alive(self):
        if os.path.exists("dead"):
            raise RuntimeError("stuck")
handler = Handler
"""


@pytest.mark.slow
def test_a_class_is_constructed_once_and_called_by_probes(serve: Serve, tmp_path: Path) -> None:
    """A class handler is made once; its init, close, ready and alive are the service's."""
    service = serve(CLASS, "--init", "factor=3")
    assert [service.call({"n": n}).json() for n in (1, 2)] == [{"n": 3, "made": 1}, {"n": 6, "made": 1}]
    (tmp_path / "unready").touch()
    assert service.get("/_/ready").status_code == 503
    assert service.get("/_/live").status_code == 200
    (tmp_path / "dead").touch()
    assert service.get("/_/live").status_code == 503
    assert "stuck" not in service.get("/_/live").text
    assert service.stop() == 0
    assert service.log.count("closed\n") == 1


@pytest.mark.parametrize("close", ["def close():\n    1 / 0", "async def close():\n    1 / 0"])
def test_a_close_that_raises_is_logged_and_changes_nothing_else(serve: Serve, close: str) -> None:
    """The exit status stays 0; one record holds the user's traceback."""
    service = serve(f"{close}\ndef handler():\n    return 1\n", "--drain-delay", "0")
    assert service.stop() == 0
    (record,) = [record for record in service.records if "close raised" in record["message"]]
    assert "ZeroDivisionError" in record["traceback"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "close", ["def close():\n    time.sleep(60)", "async def close():\n    await asyncio.sleep(60)"]
)
def test_a_close_that_hangs_is_left_behind(serve: Serve, close: str) -> None:
    """A close that does not end within the grace limit holds up the end of the process no longer."""
    service = serve(
        f"import time, asyncio\n{close}\ndef handler():\n    return 1\n", "--drain-delay", "0", "--grace", "300ms"
    )
    assert service.stop() == 0
    assert any("close did not finish within 0.3 seconds" in record["message"] for record in service.records)


@pytest.mark.slow
def test_what_user_code_leaves_behind_does_not_keep_the_process(serve: Serve) -> None:
    """A thread that never ends is no reason to stay; exit functions run, in a worker with a parent as well."""
    source = """
import atexit, threading, time
def handler():
    threading.Thread(target=time.sleep, args=(60,)).start()
    return 1
atexit.register(print, "bye")
"""
    for workers in ("1", "2"):
        service = serve(source, "--drain-delay", "0", "--workers", workers)
        if workers == "2":
            service.wait_log("2 workers are ready")
        assert service.call({}).json() == 1
        assert service.stop() == 0
        assert service.log.count("bye") == int(workers), service.log

"""The parent of the workers: starts them, replaces those that end, hands on signals, reaps orphans."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.loss import Load, Tally, wait_total
from tests.service import Service, wait_until

Serve = Callable[..., Service]
PIDS = """
import ctypes, os
def write(name):
    with open(name, "a") as file:
        file.write(f"{os.getpid()}\\n")
write("imported")
def init():
    write("started")
def handler(do: str = ""):
    if do == "exit":
        os._exit(3)
    if do == "segfault":
        ctypes.string_at(0)
    return os.getpid()
"""


def workers_of(folder: Path, name: str = "started") -> list[int]:
    """The processes that called init (or imported the user's module), in order."""
    path = folder / name
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize(("preload", "imports"), [("off", 2), ("import", 1)])
def test_the_parent_runs_no_user_code(serve: Serve, tmp_path: Path, preload: str, imports: int) -> None:
    """Each worker or one template imports the module once; the parent, which is the started process, never does."""
    service = serve(PIDS, "--workers", "2", "--preload", preload)
    service.wait_log("2 workers are ready")
    importing = workers_of(tmp_path, "imported")
    assert len(importing) == len(set(importing)) == imports
    assert service.process.pid not in importing + workers_of(tmp_path)
    assert service.call({}).json() in workers_of(tmp_path)


@pytest.mark.parametrize(("do", "why"), [("exit", "ended with status 3"), ("segfault", "was killed by SIGSEGV")])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_handler_that_ends_its_process(serve: Serve, tmp_path: Path, do: str, why: str, workers: str) -> None:
    """The caller's connection is cut. With a parent the log says why, and a new worker serves."""
    service = serve(PIDS, "--workers", workers, "--drain-delay", "0")
    if workers == "1":
        with pytest.raises(httpx.RemoteProtocolError):
            service.call({"do": do})
        assert service.wait() == (3 if do == "exit" else -signal.SIGSEGV)
        return
    service.wait_log("2 workers are ready")
    with pytest.raises(httpx.RemoteProtocolError):
        service.call({"do": do})
    wait_until(lambda: len(workers_of(tmp_path)) == 3, lambda: service.log, service)
    assert service.call({}).status_code == 200
    assert why in service.log
    if do == "segfault":
        assert "Fatal Python error: Segmentation fault" in service.log
    assert service.stop() == 0


@pytest.mark.slow
def test_a_worker_killed_under_load_loses_only_its_own_calls(serve: Serve, tmp_path: Path) -> None:
    """Of 16 connections at most those of the killed worker lose the call that was in flight; a new worker is up soon,
    and no call meets it before it is ready; counters never go back."""
    service = serve(PIDS, "--workers", "2", "--access-log", "off")
    service.wait_log("2 workers are ready")
    victim = workers_of(tmp_path)[0]

    async def run() -> tuple[Tally, float, float]:
        load = Load(service.url, 16)
        task = asyncio.create_task(load.run())
        await wait_total(load, 500)
        before = service.metrics()['ovenbird_calls_total{status="200"}']
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        await asyncio.to_thread(service.wait_log, "a new one starts")
        after = service.metrics()['ovenbird_calls_total{status="200"}']
        assert after >= before
        await asyncio.to_thread(wait_until, lambda: service.log.count("2 workers are ready") == 2, lambda: service.log)
        up = time.monotonic() - killed
        await wait_total(load, load.tally.total + 500)
        load.stop()
        return await task, up, after

    tally, up, counted = asyncio.run(run())
    assert len(tally.lost) <= 16
    assert set(tally.answered) == {200}
    assert tally.refused == 0
    assert up < 5.0
    assert service.metrics()['ovenbird_calls_total{status="200"}'] >= counted
    assert service.metrics()["ovenbird_worker_starts_total"] == 3
    assert service.stop() == 0


@pytest.mark.slow
def test_repeated_crashes_are_followed_by_a_pause_that_doubles(serve: Serve, tmp_path: Path) -> None:
    """A worker that keeps dying is started again with back-off, while the other one serves."""
    source = f"{PIDS}\nstart = init\ndef init():\n    start()\n    if os.path.exists('crash'):\n        os._exit(9)\n"
    service = serve(source, "--workers", "2", "--drain-delay", "0")
    service.wait_log("2 workers are ready")
    (tmp_path / "crash").touch()
    os.kill(workers_of(tmp_path)[0], signal.SIGKILL)
    service.wait_log("a new one starts in 0.5 s")
    assert "a new one starts in 0.25 s" in service.log
    assert [service.call({}).status_code for _ in range(5)] == [200] * 5
    (tmp_path / "crash").unlink()
    wait_until(lambda: service.log.count("2 workers are ready") == 2, lambda: service.log, service)
    assert service.stop() == 0


@pytest.mark.slow
def test_workers_are_replaced_after_so_many_calls_and_none_is_lost(serve: Serve, tmp_path: Path) -> None:
    """--max-requests under keep-alive load: processes change, and every call is answered 200."""
    service = serve(
        PIDS, "--workers", "2", "--max-requests", "400", "--access-log", "off", "--drain-delay", "300ms"
    )  # fmt: skip
    service.wait_log("2 workers are ready")

    async def run() -> Tally:
        load = Load(service.url, 8)
        task = asyncio.create_task(load.run())
        await asyncio.to_thread(wait_until, lambda: len(workers_of(tmp_path)) >= 6, lambda: service.log, service)
        load.stop()
        return await task

    tally = asyncio.run(run())
    assert tally.lost == []
    assert set(tally.answered) == {200}
    assert tally.refused == 0
    assert service.stop() == 0


@pytest.mark.slow
def test_one_worker_is_replaced_as_well(serve: Serve, tmp_path: Path) -> None:
    """A single worker with --max-requests has a parent, which starts the next one before it goes."""
    service = serve(PIDS, "--max-requests", "20", "--drain-delay", "0")
    wait_until(lambda: service.call({}).json() != workers_of(tmp_path)[0], lambda: service.log, service)
    assert service.process.pid not in workers_of(tmp_path)
    assert service.stop() == 0


@pytest.mark.slow
def test_sighup_replaces_every_worker_and_loses_no_call(serve: Serve, tmp_path: Path) -> None:
    """Three times in a row, with a call that holds each old worker: there is room for all of them, and all answer."""
    source = PIDS + "import time\ninner = handler\ndef handler(n: float = 0):\n    time.sleep(n)\n    return inner()\n"
    service = serve(source, "--workers", "2", "--drain-delay", "200ms")
    service.wait_log("2 workers are ready")
    with ThreadPoolExecutor() as pool:
        calls = []
        for count in (1, 2, 3):  # a worker that is still starting would be replaced before it has written its line
            wait_until(lambda n=count: service.log.count("2 workers are ready") == n, lambda: service.log, service)
            calls += [pool.submit(service.call, {"n": 1.5}) for _ in range(4)]
            wait_until(lambda: service.metrics()["ovenbird_in_flight"] >= 2, lambda: service.log, service)
            service.send(signal.SIGHUP)
        wait_until(lambda: len(workers_of(tmp_path)) == 8, lambda: service.log, service)
        assert [call.result().status_code for call in calls] == [200] * 12
    wait_until(lambda: service.call({}).json() in workers_of(tmp_path)[6:], lambda: service.log, service)
    assert service.stop() == 0


def test_one_scrape_tells_of_all_workers(serve: Serve, tmp_path: Path) -> None:
    """Calls to different processes are in one sum, whichever process returns it."""
    service = serve(PIDS, "--workers", "2")
    service.wait_log("2 workers are ready")
    answered: set[int] = set()
    calls = 0
    while len(answered) < 2 or calls < 20:
        answered.add(service.call({}).json())
        calls += 1
    for _ in range(6):
        metrics = service.metrics()
        assert metrics['ovenbird_calls_total{status="200"}'] == calls
        assert metrics["ovenbird_call_duration_seconds_count"] == calls
        assert sum(name.startswith("ovenbird_worker_resident_memory_bytes") for name in metrics) == 2


def test_workers_drain_when_the_parent_is_killed(serve: Serve, tmp_path: Path) -> None:
    """SIGKILL of the parent leaves nobody who would end the workers: they finish their calls and end by themselves."""
    service = serve(PIDS, "--workers", "2", "--drain-delay", "0")
    service.wait_log("2 workers are ready")
    pids = workers_of(tmp_path)
    service.send(signal.SIGKILL)
    service.wait()
    wait_until(lambda: not any(_alive(pid) for pid in pids), lambda: service.log)
    assert service.log.count("the parent process is gone") == 2


def test_a_signal_shortens_the_drain_of_workers_whose_parent_was_killed(serve: Serve, tmp_path: Path) -> None:
    """Without a parent a signal is for the service, as with a single process: the drain delay is skipped."""
    service = serve(PIDS, "--workers", "2", "--drain-delay", "60s")
    service.wait_log("2 workers are ready")
    pids = workers_of(tmp_path)
    service.send(signal.SIGKILL)
    service.wait()
    wait_until(lambda: service.log.count("draining: ") == 2, lambda: service.log)
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not any(_alive(pid) for pid in pids), lambda: service.log)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


ORPHANS = """
import os, subprocess, sys
def handler():
    # a grandchild that outlives its parent: process 1 inherits it
    subprocess.run(["sh", "-c", "sleep 0.05 & exit 0"], check=True)
    return os.getpid()
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_as_process_1(tmp_path: Path, workers: str) -> None:
    """In a process namespace of its own: user code never runs as process 1, orphans are reaped, SIGTERM ends all of it,
    and the status is handed up."""
    with _as_process_1(tmp_path, ORPHANS, workers) as (process, log):
        url = _served(log, process)
        for _ in range(5):
            assert httpx.post(url, json={}, timeout=30, verify=False).json() > 1
        init = _child(process.pid)
        processes = int(workers) + (workers != "1")  # and the template
        wait_until(lambda: len(_descendants(init)) == processes, lambda: str(_descendants(init)))
        os.kill(init, signal.SIGTERM)
        assert process.wait(30) == 0


def test_process_1_hands_up_the_status_of_an_init_that_fails(tmp_path: Path) -> None:
    """A service that was never ready is not restarted, and exits with the status of the failure."""
    source = "def init():\n    raise ValueError('x')\ndef handler():\n    return 1\n"
    with _as_process_1(tmp_path, source, "1") as (process, _):
        assert process.wait(30) == 73


@pytest.mark.slow
def test_process_1_ends_on_sigterm_while_loading(tmp_path: Path) -> None:
    """The kernel ignores signals to process 1 that nobody handles: this one is handled from the start."""
    source = "import time\nopen('loading', 'w').close()\ntime.sleep(60)\ndef handler():\n    return 1\n"
    with _as_process_1(tmp_path, source, "1") as (process, _):
        wait_until((tmp_path / "loading").exists, lambda: "not loading")
        os.kill(_child(process.pid), signal.SIGTERM)
        assert process.wait(30) == 143


class _as_process_1:
    """A server in a process namespace of its own; what is left of it is killed at the end."""

    def __init__(self, folder: Path, source: str, workers: str) -> None:
        (folder / "main.py").write_text(source)
        self.log = folder / "log"
        command = [sys.executable, "-m", "ovenbird", "serve", "main.py", "--port", "0", "--workers", workers]
        command += ["--drain-delay", "0"]
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self.command = ["unshare", *user, "--pid", "--fork", "--mount-proc", "--kill-child", *command]
        self.folder = folder

    def __enter__(self) -> tuple[subprocess.Popen[bytes], Path]:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command, cwd=self.folder, stderr=log, stdout=log)
        return self.process, self.log

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def _served(log: Path, process: subprocess.Popen[bytes]) -> str:
    wait_until(lambda: "served at" in log.read_text() or process.poll() is not None, log.read_text)
    return log.read_text().split("served at ")[1].split('"')[0]


def _child(pid: int) -> int:
    """The one child of a process."""
    return int(wait_until(lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text().split(), lambda: "no child")[0])


def _descendants(pid: int) -> list[int]:
    """Children of a process, zombies included."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


HOLDS = """
import ctypes, os

def handler(seconds: int = 0):
    if seconds:
        ctypes.PyDLL(None).sleep(seconds)  # C code that keeps the interpreter's lock
    return os.getpid()
"""


@pytest.mark.slow
@pytest.mark.parametrize("flags", [("--workers", "2"), ("--max-requests", "1000000")], ids=["two", "one"])
def test_a_silent_worker_is_replaced(serve: Serve, flags: tuple[str, ...]) -> None:
    """A worker whose interpreter stands still is named, killed and replaced, one of several or the only one; metrics
    show it before and after, and its clients are told by the end of their connections."""
    service = serve(HOLDS, *flags, "--timeout", "1s").wait_ready()
    if "2" in flags:
        service.wait_log("2 workers are ready")
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(service.call, {"seconds": 300})
        if "2" in flags:
            wait_until(
                lambda: any(
                    float(line.split()[1]) >= 2
                    for line in httpx.get(f"{service.url}/_/metrics", timeout=1, verify=False).text.splitlines()
                    if line.startswith("ovenbird_worker_silent_seconds{")
                ),
                lambda: service.get("/_/metrics").text,
            )
        with pytest.raises(httpx.RemoteProtocolError):
            pending.result()
    service.wait_log("was killed by SIGKILL; a new one starts")
    assert "its event loop has not run for" in service.log
    wait_until(lambda: service.log.count("is served at") + ("2" in flags) == 2, lambda: service.log, service)
    assert "ovenbird_workers_killed_total 1\n" in service.get("/_/metrics").text
    assert isinstance(service.call({}).json(), int)
    assert service.stop() == 0


@pytest.mark.slow
def test_a_service_that_was_frozen_goes_on(serve: Serve, tmp_path: Path) -> None:
    """Time in which the parent stood still too, as in a frozen container, does not count as a worker's silence."""
    service = serve(PIDS, "--workers", "2", "--timeout", "1s")
    service.wait_log("2 workers are ready")
    processes = [service.process.pid, *workers_of(tmp_path)]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(13)
    for pid in processes:
        os.kill(pid, signal.SIGCONT)
    time.sleep(3)  # what would be killed is killed at the first look
    assert service.call({}).status_code == 200
    assert len(workers_of(tmp_path)) == 2
    assert "is killed" not in service.log
    assert service.stop() == 0

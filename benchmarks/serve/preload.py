"""Four workers that import pandas and scikit-learn: each on its own, and forked from one process that has."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import client
from environments import say
from live import Running, run_server
from processes import FailedError, list_family
from servers import Server

ENVIRONMENT = "science"
WORKERS = 4
MODES = ("off", "import")
FIGURES = ("memory_mib", "ready_seconds", "ready_cpu_seconds", "successor_seconds", "successor_cpu_seconds")
_LIMIT = 60.0  # seconds
_IDLE = 1.5  # seconds after which the template has given back what it does not need
_GET = b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n"
Rounds = list[dict[str, dict[str, float]]]


def measure(times: int) -> Rounds:
    """Return the figures of each mode in every round; the modes alternate, and one round is not counted.

    Errors: FailedError.
    """
    rounds: Rounds = []
    for turn in range(times + 1):
        say(f"preload: {turn} of {times}" if turn else "preload: one round that is not counted")
        figures = {mode: _measure_once(mode) for mode in (MODES if turn % 2 else reversed(MODES))}
        if turn:
            rounds.append(figures)
    return rounds


def list_ratios(rounds: Rounds, figure: str) -> list[float]:
    """Return the ratio of `import` to `off` in each round."""
    return [figures["import"][figure] / figures["off"][figure] for figures in rounds]


def _make_server(mode: str) -> Server:
    return Server(
        f"ovenbird-preload-{mode}",
        f"**ovenbird**, {WORKERS} workers, `--preload {mode}`",
        "{bin}/python -m ovenbird serve --host 127.0.0.1 --port {port} --drain-delay 0 --access-log off "
        f"--log-format json --workers {WORKERS} --preload {mode} science.py:handler",
        ENVIRONMENT,
        variables={"PYTHONPATH": "{cache}/../../wrapper"},
        workers=WORKERS,
        is_spread=True,
    )


def _measure_once(mode: str) -> dict[str, float]:
    with run_server(_make_server(mode)) as live:
        ready = _wait_for_ready(live) - live.begin
        ready_cpu = sum(map(_measure_cpu, list_family(live.pid)))
        with ExitStack() as stack:
            workers = _connect(live.port, stack)
            time.sleep(_IDLE)
            memory = sum(map(_measure_proportional, list_family(live.pid)))
            others = list_family(live.pid).keys() - workers
            cpu = sum(map(_measure_cpu, others))
            begin = time.perf_counter()
            os.kill(next(iter(workers)), signal.SIGKILL)
            successor = _wait_for_other(live.port, workers)
            seconds = time.perf_counter() - begin
            cpu = sum(map(_measure_cpu, {*others, successor})) - cpu
        return {
            "memory_mib": memory, "ready_seconds": ready, "ready_cpu_seconds": ready_cpu,
            "successor_seconds": seconds, "successor_cpu_seconds": cpu,
        }  # fmt: skip


def _wait_for_ready(live: Running) -> float:
    """Return when the log says that all workers are ready."""
    while time.perf_counter() - live.begin < _LIMIT and live.process.poll() is None:
        if f"{WORKERS} workers are ready" in live.log.read_text(errors="replace"):
            return time.perf_counter()
        time.sleep(0.002)
    raise FailedError(f"{live.server.name}: {WORKERS} workers were not ready")


def _connect(port: int, stack: ExitStack) -> set[int]:
    """Connect until each worker has answered, and keep the connections: a new worker then has the fewest."""
    workers: set[int] = set()
    end = time.perf_counter() + _LIMIT
    while len(workers) < WORKERS and time.perf_counter() < end:
        connection = stack.enter_context(client.Connection(port))
        connection.send(_GET)
        workers.add(int(connection.read_answer()[1]))
    if len(workers) < WORKERS:
        raise FailedError(f"{len(workers)} of {WORKERS} workers answer")
    return workers


def _wait_for_other(port: int, workers: set[int]) -> int:
    """Wait until a worker that is not among `workers` has answered, and return its number."""
    end = time.perf_counter() + _LIMIT
    while time.perf_counter() < end:
        with suppress(OSError, ValueError, IndexError), client.Connection(port, timeout=5) as connection:
            connection.send(_GET)
            pid = int(connection.read_answer()[1])
            if pid not in workers:
                return pid
        time.sleep(0.001)
    raise FailedError("no successor has answered")


def _measure_proportional(pid: int) -> float:
    """Return MiB of a process, in which a page that N processes share counts as 1/N."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _measure_cpu(pid: int) -> float:
    """Return the CPU seconds of a process; the kernel counts them in nanoseconds here."""
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):
            total += int(path.read_text().split()[0])
    return total / 1e9

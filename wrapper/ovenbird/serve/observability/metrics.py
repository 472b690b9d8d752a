"""Metrics: each worker counts in a block of shared memory; their sum is exported in Prometheus' text format.

A worker writes only to its own block, so no lock is needed. The worker that answers `/_/metrics` adds the blocks up.
The successor of a worker continues with a used block, so that counters never decrease.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left
from pathlib import Path
from typing import Any

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
PHASES = ("start", "load", "init", "listen")
_PHASE_NAMES = {"load": "import"}  # as answers call them
_STATUS = 0  # 600 cells, one for each status
_BUCKET = 600
_SUM = _BUCKET + len(BUCKETS) + 1
_REJECTED, _IN_FLIGHT, _QUEUED, _PID, _STARTS, _PENDING, _CUT_OFF, _CONNECTIONS = range(_SUM + 1, _SUM + 9)
_BEATS, _SILENT, _KILLED, _INITIALISING = range(_CONNECTIONS + 1, _CONNECTIONS + 5)
_PHASE = _INITIALISING + 1
CELLS = _PHASE + len(PHASES)
_OF_LIVING = (
    _IN_FLIGHT,
    _QUEUED,
    _PENDING,
    _CONNECTIONS,
    _BEATS,
    _SILENT,
    _PID,
    _INITIALISING,
)  # reset at the end of a worker
_DOUBLE = 8  # bytes of a double


class WorkerMetrics:
    """One worker's counters; cells are doubles."""

    def __init__(self, cells: Any) -> None:
        self.cells = cells

    def begin(self) -> None:
        """Start a worker with this block: reset its gauges, and keep its counters."""
        for cell in _OF_LIVING:
            self.cells[cell] = 0.0
        self.cells[_PID] = float(os.getpid())
        self.cells[_STARTS] += 1.0

    def end(self) -> None:
        """Reset the gauges of a worker that has ended, and keep its counters."""
        for cell in _OF_LIVING:
            self.cells[cell] = 0.0

    def call(self, status: int, seconds: float) -> None:
        """Count one call."""
        cells = self.cells
        cells[status] += 1.0
        cells[_BUCKET + bisect_left(BUCKETS, seconds)] += 1.0
        cells[_SUM] += seconds

    def count_refused_request(self, status: int) -> None:
        """Count a request that was refused before it became a call: it was malformed or too large."""
        self.cells[status] += 1.0

    def count_refused_call(self) -> None:
        """Count a call that found the queue full."""
        self.cells[_REJECTED] += 1.0

    def load(self, in_flight: int, queued: int) -> None:
        """Set how many calls run, and how many wait."""
        self.cells[_IN_FLIGHT] = float(in_flight)
        self.cells[_QUEUED] = float(queued)

    def set_pending(self, size: int) -> None:
        """Set how many bytes of answers clients have not received yet."""
        self.cells[_PENDING] = float(size)

    def set_connections(self, count: int | None) -> None:
        """Set how many connections the worker has; None if it accepts no more."""
        self.cells[_CONNECTIONS] = 0.0 if count is None else count + 1.0

    def accepts_more(self, count: int) -> bool:
        """Return whether the worker accepts connections, and has fewer than `count`."""
        return 0.0 < float(self.cells[_CONNECTIONS]) < count + 1.0

    def cut_off(self) -> None:
        """Count a client that was cut off because it did not receive its answer."""
        self.cells[_CUT_OFF] += 1.0

    def count_beat(self) -> None:
        """Count a heartbeat: it shows the supervisor that the event loop runs."""
        self.cells[_BEATS] += 1.0

    @property
    def beats(self) -> float:
        """Return the number of heartbeats."""
        return float(self.cells[_BEATS])

    def set_silence(self, seconds: float) -> None:
        """Set the seconds since the last heartbeat. Called by the supervisor."""
        self.cells[_SILENT] = seconds

    def kill(self) -> None:
        """Count a worker that was killed for lack of heartbeats. Called by the supervisor."""
        self.cells[_KILLED] += 1.0

    def set_initialising(self, *, is_initialising: bool) -> None:
        """Set whether the worker accepts connections although its init has not finished."""
        self.cells[_INITIALISING] = float(is_initialising)

    @property
    def is_initialising(self) -> bool:
        """Return whether the worker accepts connections although its init has not finished."""
        return bool(self.cells[_INITIALISING])

    @property
    def is_serving(self) -> bool:
        """Return whether the worker accepts connections, and its init has finished."""
        return bool(self.cells[_CONNECTIONS]) and not self.is_initialising

    def set_phase(self, name: str, seconds: float) -> None:
        """Set the duration of a phase of the start."""
        self.cells[_PHASE + PHASES.index(name)] = seconds

    def read_phases(self) -> dict[str, float]:
        """Return the seconds of each phase of the start, under the names for clients."""
        return {_PHASE_NAMES.get(name, name): float(self.cells[_PHASE + at]) for at, name in enumerate(PHASES)}


class SharedMetrics:
    """The blocks of all workers, in memory that forked processes share."""

    def __init__(self, count: int) -> None:
        self._memory = mmap.mmap(-1, (count * CELLS + 1) * _DOUBLE)
        cells = memoryview(self._memory).cast("d")
        self._template = cells[count * CELLS :]  # one cell: the number of the template process
        self.blocks = [WorkerMetrics(cells[index * CELLS : (index + 1) * CELLS]) for index in range(count)]

    @property
    def has_initialising_worker(self) -> bool:
        """Return whether a worker accepts connections although its init has not finished."""
        return any(block.is_initialising for block in self.blocks)

    def set_template(self, pid: int) -> None:
        """Set the process from which workers are forked; 0 for none. Called by the supervisor."""
        self._template[0] = float(pid)

    def count_starts(self) -> float:
        """Return how many workers have begun so far."""
        return self._sum_cells(_STARTS)

    def format_text(self) -> str:
        """Return all metrics in Prometheus' text format."""
        return "".join(f"{line}\n" for line in self._format_lines())

    def _sum_cells(self, cell: int) -> float:
        return float(sum(block.cells[cell] for block in self.blocks))

    def _format_lines(self) -> list[str]:
        lines = _format_head(
            "ovenbird_calls_total", "counter", "Calls by status of the answer; 499 when the client left."
        )
        for status in range(100, 600):
            if total := self._sum_cells(status):
                lines.append(f'ovenbird_calls_total{{status="{status}"}} {total:.0f}')
        lines += _format_head(
            "ovenbird_call_duration_seconds", "histogram", "Time from the arrival of a call to its answer."
        )
        count = 0.0
        for index, bound in enumerate((*BUCKETS, "+Inf")):
            count += self._sum_cells(_BUCKET + index)
            lines.append(f'ovenbird_call_duration_seconds_bucket{{le="{bound}"}} {count:.0f}')
        lines.append(f"ovenbird_call_duration_seconds_sum {self._sum_cells(_SUM)!r}")
        lines.append(f"ovenbird_call_duration_seconds_count {count:.0f}")
        for name, cell, kind, text in (
            ("ovenbird_rejected_total", _REJECTED, "counter", "Calls that found the queue full."),
            ("ovenbird_in_flight", _IN_FLIGHT, "gauge", "Calls that run."),
            ("ovenbird_queued", _QUEUED, "gauge", "Calls that wait for a slot."),
            ("ovenbird_pending_output_bytes", _PENDING, "gauge", "Bytes of answers that clients have not taken yet."),
            ("ovenbird_clients_cut_off_total", _CUT_OFF, "counter", "Clients that did not take their answers in time."),
            ("ovenbird_worker_starts_total", _STARTS, "counter", "Worker processes started, the first ones included."),
            ("ovenbird_workers_killed_total", _KILLED, "counter", "Workers killed as their event loop did not run."),
        ):
            lines += [*_format_head(name, kind, text), f"{name} {self._sum_cells(cell):.0f}"]
        lines += _format_head("ovenbird_cold_start_seconds", "gauge", "Phases of the slowest worker's start.")
        for index, name in enumerate(PHASES):
            slowest = max(block.cells[_PHASE + index] for block in self.blocks)
            lines.append(f'ovenbird_cold_start_seconds{{phase="{name}"}} {slowest!r}')
        return lines + self._format_processes()

    def _format_processes(self) -> list[str]:
        """Return the memory and CPU time of each worker, from /proc, and the time since its last heartbeat."""
        cpu = _format_head("ovenbird_worker_cpu_seconds_total", "counter", "CPU time of a worker, user and system.")
        memory = _format_head("ovenbird_worker_resident_memory_bytes", "gauge", "Resident memory of a worker.")
        share = _format_head(
            "ovenbird_worker_proportional_memory_bytes",
            "gauge",
            "Memory of a worker, in which pages that processes share count in parts.",
        )
        silent = _format_head(
            "ovenbird_worker_silent_seconds", "gauge", "How long the event loop of a worker has not run."
        )
        for index, block in enumerate(self.blocks):
            pid = int(block.cells[_PID])
            process_usage = read_usage(pid)
            if process_usage:
                if size := read_proportional_memory(pid):
                    share.append(f'ovenbird_worker_proportional_memory_bytes{{worker="{index}"}} {size}')
                silent.append(f'ovenbird_worker_silent_seconds{{worker="{index}"}} {block.cells[_SILENT]:.0f}')
                memory.append(f'ovenbird_worker_resident_memory_bytes{{worker="{index}"}} {process_usage[0]}')
                cpu.append(f'ovenbird_worker_cpu_seconds_total{{worker="{index}"}} {process_usage[1]!r}')
        if size := read_proportional_memory(int(self._template[0])):
            name = "ovenbird_template_proportional_memory_bytes"
            share += _format_head(name, "gauge", "The same of the process from which workers are forked.")
            share.append(f"{name} {size}")
        return memory + share + cpu + silent


def read_usage(pid: int) -> tuple[int, float] | None:
    """Return resident bytes and CPU seconds of a process; None if it has ended, or there is no /proc."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return None
    from ...common.process_stat import read_process_stat  # not needed for a start

    fields = read_process_stat(pid)
    if not fields:
        return None
    ticks = int(fields[11]) + int(fields[12])
    return int(pages) * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK")


def read_proportional_memory(pid: int) -> int | None:
    """Return the bytes of a process, shared pages in parts; None if it has ended, or the kernel does not tell.

    The kernel walks all pages of the process for that: a millisecond for each 100 MB or so.
    """
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text() if pid else ""
    except OSError:
        return None
    size = text.partition("\nPss:")[2].split(maxsplit=1)
    return int(size[0]) * 1024 if size else None


def _format_head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]

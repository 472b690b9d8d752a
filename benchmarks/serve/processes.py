"""Start, watch and end processes: nothing that is started here outlives its `with` block."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

TICKS = os.sysconf("SC_CLK_TCK")


class FailedError(Exception):
    """A measurement that cannot be trusted, or a process that did not do its part; the message is for the report."""


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name, which may hold spaces; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def list_family(pid: int) -> dict[int, str]:
    """Return the process, its descendants and its process group: pid to start time, which tells a reused pid apart.

    Some servers put their workers into sessions of their own, so the group alone would miss them.
    """
    stats = {int(entry.name): _stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    pids = {pid}
    while True:
        more = {other for other, stat in stats.items() if stat and (int(stat[1]) in pids or int(stat[2]) == pid)} - pids
        if not more:
            return {pid: stats[pid][19] for pid in pids if stats.get(pid)}
        pids |= more


def measure_resident(pid: int, field: str = "VmRSS") -> float:
    """Return MiB of a family: `VmRSS` for now, `VmHWM` for the highest since `reset_peak`."""
    total = 0
    for member in list_family(pid):
        with suppress(OSError):
            for line in Path(f"/proc/{member}/status").read_text().splitlines():
                if line.startswith(field + ":"):
                    total += int(line.split()[1])
    return total / 1024


def reset_peak(pid: int) -> None:
    """Forget the highest resident size of a family, so that `VmHWM` counts from now."""
    for member in list_family(pid):
        Path(f"/proc/{member}/clear_refs").write_text("5")


def cpu_seconds(pid: int) -> float:
    """Return user and system time that a family has used."""
    return sum(int(stat[11]) + int(stat[12]) for stat in map(_stat, list_family(pid)) if stat) / TICKS


def core_seconds(cores: Iterable[int]) -> tuple[float, float]:
    """Time that cores have spent on processes, and that the hypervisor gave to others; interrupts are left out."""
    lines = Path("/proc/stat").read_text().splitlines()
    names = {f"cpu{core}" for core in cores}
    # the fields after the name: user nice system idle iowait irq softirq steal
    ticks = [list(map(int, line.split()[1:])) for line in lines if line.split()[0] in names]
    return sum(sum(core[:3]) for core in ticks) / TICKS, sum(core[7] for core in ticks) / TICKS


@contextmanager
def start_process(
    command: Sequence[str], output: IO[bytes] | int, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Yield a process in a session of its own; on leaving it and its family are ended, by their ids.

    `output` is a file for both streams, or `subprocess.PIPE`.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    members = list_family(process.pid)
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
    for pid, born in {**members, **list_family(process.pid)}.items():
        stat = _stat(pid)
        if stat and stat[19] == born:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def finish(command: Sequence[str], limit: float, *, env: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return what it printed; `FailedError` when it fails or takes too long."""
    begin = time.monotonic()
    with start_process(command, subprocess.PIPE, env=env) as process:
        try:
            output = process.communicate(timeout=limit)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            raise FailedError(f"{command[0]} took longer than {limit:.0f} s") from None
    if process.returncode:
        lines = [line for line in output.splitlines() if line.strip()] or ["no output"]
        reason = next((line for line in lines if "ERROR" in line), lines[-1])
        raise FailedError(f"{reason.strip()[:200]} (status {process.returncode}, {time.monotonic() - begin:.0f} s)")
    return output

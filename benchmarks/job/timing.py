"""Run commands in turn and take their medians, so that a change of the machine's speed meets all of them."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from processes import FailedError


@dataclass(frozen=True)
class Cost:
    """The cost of a command: medians of seconds and CPU seconds, and the largest resident size in MiB."""

    seconds: float
    cpu: float
    peak: float


def take_medians(costs: Mapping[str, Sequence[Cost]]) -> dict[str, Cost]:
    """Return the medians of the costs in each round, and the largest size."""
    return {
        name: Cost(
            median(cost.seconds for cost in all_), median(cost.cpu for cost in all_), max(cost.peak for cost in all_)
        )
        for name, all_ in costs.items()
    }


def measure_in_turn(
    commands: Mapping[str, Sequence[str]], rounds: int, environ: Mapping[str, str],
    before: Callable[[], None] = lambda: None,
) -> dict[str, list[Cost]]:  # fmt: skip
    """Return the costs of each command in `rounds`, after one that does not count; `before` runs ahead of each."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            before()
            cost = measure_command(command, environ)
            if number:
                costs[name].append(cost)
    return costs


def measure_command(command: Sequence[str], environ: Mapping[str, str]) -> Cost:
    """Run a command and return its cost. Errors: FailedError with the end of its output."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begin
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise FailedError(f"{' '.join(command)} ended with {process.returncode}: {errors.decode()[-300:]}")
    return Cost(took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)

"""Runs of an empty function in this process, in turn with the record alone; how much memory many runs take."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path

import ovenbird as ob
from ovenbird.api.stores import open_shared_store
from ovenbird.function.loader import load_object
from ovenbird.job.entrypoint import record_job
from ovenbird.job.execution import RunEnvironment
from ovenbird.job.interrupt import Uninterrupted
from ovenbird.settings import Settings

MIB = 1024 * 1024
WARM = 100  # runs before the first look at the memory


def nothing() -> None:
    """Do nothing."""


def record_only() -> None:
    """Record a run of the function as a job does, without the API around it."""
    store = open_shared_store(Settings(), os.environ)
    job = record_job(load_object(nothing), RunEnvironment(Settings(), os.environ, store), {}, {})
    job.interruption, job.stdout = Uninterrupted(), None
    job.run()


def measure_resident() -> float:
    """Return the resident memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


def main(rounds: int, runs: int) -> None:
    """Print differences and times in milliseconds of the CPU, and the memory before and after many runs, as JSON."""
    logging.getLogger("ovenbird").setLevel("ERROR")
    function = ob.function(nothing)
    differences, wholes = [], []
    for number in range(rounds + 1):
        begin = time.process_time()
        function.run(on="here")
        middle = time.process_time()
        record_only()
        end = time.process_time()
        if number:
            differences.append((middle - begin - (end - middle)) * 1000)
            wholes.append((middle - begin) * 1000)
    for _ in range(WARM):
        function.run(on="here")
    before = measure_resident()
    for _ in range(runs):
        function.run(on="here")
    print(json.dumps({"above": differences, "whole": wholes, "before": before, "after": measure_resident()}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

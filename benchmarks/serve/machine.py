"""The environment of the figures: processor, kernel, Python and package versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from pathlib import Path

from environments import HERE, OWN, read_versions
from live import CLIENT_CORE, SERVER_CORE
from processes import FailedError, finish

BUSY = 0.5  # load above which something else is likely to be running


def describe() -> dict[str, str]:
    """Return one line each about the machine, in words."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    total = Path("/proc/meminfo").read_text().split()[1]
    busy = os.getloadavg()[0]
    shared = " (one core for both: the figures mean little)" if SERVER_CORE == CLIENT_CORE else ""
    return {
        "commit": describe_commit(),
        "processor": models[0] if models else platform.machine(),
        "cores": f"{os.cpu_count()}; servers on {SERVER_CORE}, clients on {CLIENT_CORE}{shared}",
        "memory": f"{int(total) / 1024**2:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load before": f"{busy:.2f}{' (the machine is not idle: expect noise)' if busy > BUSY else ''}",
    }


def describe_commit() -> str:
    """Return the commit that is checked out, with `-dirty` where files differ from it; empty outside of a checkout."""
    try:
        return finish(
            ("git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"), 60
        ).strip()
    except FailedError:
        return ""


def describe_packages(environments: Iterable[str]) -> dict[str, str]:
    """Return the versions that matter in each environment, as one line each; Ovenbird's own first."""
    return {name: _format_versions(name) for name in sorted(set(environments), key=lambda name: (name != OWN, name))}


def _format_versions(name: str) -> str:
    try:
        return ", ".join(f"{package} {version}" for package, version in read_versions(name).items())
    except FailedError as error:
        return f"not installed: {error}"

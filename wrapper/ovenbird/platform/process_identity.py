"""Who owns a run: enough of a process's identity to know, later and from another process, whether it still lives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from ..common.process_stat import find_start_ticks


class ProcessIdentity(NamedTuple):
    """A process: number, start (clock ticks since boot), id of the boot, and the PID namespace it is numbered in.

    The number alone is not enough: it is used again after the process ends, and means another process in a container.
    """

    pid: int
    start: int
    boot: str
    namespace: str


def read_own_identity() -> ProcessIdentity:
    """Return the identity of this process."""
    pid = os.getpid()
    return ProcessIdentity(pid, find_start_ticks(pid) or 0, _read_boot_id(), _read_namespace())


def is_alive(owner: ProcessIdentity) -> bool | None:
    """Return whether the process still runs; None when its number belongs to a PID namespace that is not visible."""
    if owner.boot != _read_boot_id():
        return False
    if owner.namespace != _read_namespace():
        return None
    return find_start_ticks(owner.pid) == owner.start


def _read_boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _read_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""

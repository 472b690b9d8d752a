"""The kernel's data of a process: its identity and its resource usage. Linux only; empty elsewhere."""

from __future__ import annotations

_START = 19  # fields behind the program's name, counted from the state


def read_process_stat(pid: int) -> list[str]:
    """Return the fields of `/proc/PID/stat` from the state on; empty if the process, or `/proc`, does not exist."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  # each run reads its own
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    # The second field is the program's name in parentheses and may itself hold blanks and parentheses.
    return text.rpartition(")")[2].split()


def find_start_ticks(pid: int) -> int | None:
    """Return when a process was started, in clock ticks since boot: it identifies the process among others with the
    same number.

    None if it has ended, even if it is not reaped yet.
    """
    fields = read_process_stat(pid)
    return None if not fields or fields[0] in "ZX" else int(fields[_START])

"""Services of this user on this machine that somebody else has started: read from /proc."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from ovenbird.errors import InputError

_LISTENING = "0A"


class LocalService(NamedTuple):
    """A process that runs `ovenbird serve`: its id, its words after `ovenbird`, its folder and its ports."""

    pid: int
    command: str
    folder: str
    ports: tuple[int, ...]


def find_services(leave_out: Collection[int], proc: Path = Path("/proc")) -> list[LocalService]:
    """Return the services that run, by their process; `leave_out` are processes that are known already."""
    ports = _read_listeners(proc)
    services = []
    for folder in proc.iterdir():
        if folder.name.isdecimal() and int(folder.name) not in leave_out:
            service = _read_process(folder, ports)
            if service is not None and service.ports:  # workers share the socket of their parent
                services.append(service)
    pids = {service.pid for service in services}
    return sorted(service for service in services if _read_parent(proc / str(service.pid)) not in pids | set(leave_out))


def stop_service(pid: int) -> None:
    """Ask a service to end, as Ctrl-C does. Errors: InputError for a process that is no service of this user."""
    try:
        process = os.pidfd_open(pid)  # taken first: the number may become another's after the look
    except OSError:
        process = -1
    try:
        if process < 0 or pid not in {service.pid for service in find_services(())}:
            raise InputError(f"process {pid} is no service that runs here", hint="it may have ended meanwhile")
        signal.pidfd_send_signal(process, signal.SIGTERM)
    except ProcessLookupError:
        pass
    finally:
        if process >= 0:
            os.close(process)


def _read_process(folder: Path, ports: dict[str, int]) -> LocalService | None:
    try:
        if folder.stat().st_uid != os.getuid():
            return None
        words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
        start = _find_verb(words)
        if start is None:
            return None
        sockets = {os.readlink(link) for link in (folder / "fd").iterdir()}  # noqa: PTH115  # no path: `socket:[1]`
        listening = sorted({ports[name] for name in sockets if name in ports})
        return LocalService(int(folder.name), " ".join(words[start:]), os.readlink(folder / "cwd"), tuple(listening))  # noqa: PTH115  # the text of the link
    except OSError:  # it has ended meanwhile
        return None


def _find_verb(words: list[str]) -> int | None:
    """Return where `serve` stands after `ovenbird`, None in any other command."""
    for index, word in enumerate(words[:-1]):
        if (word == "ovenbird" or word.endswith("/ovenbird")) and words[index + 1] == "serve":
            return index + 1
    return None


def _read_listeners(proc: Path) -> dict[str, int]:
    """Return the port of each listening socket of TCP, by the name that a descriptor of it has."""
    ports = {}
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / "self" / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTENING:
                ports[f"socket:[{fields[9]}]"] = int(fields[1].rpartition(":")[2], 16)
    return ports


def _read_parent(folder: Path) -> int:
    try:
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0

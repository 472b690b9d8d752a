"""A server that runs: started on its core, polled for its first good answer, ended."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import client
import work
from environments import CACHE, HERE, find_programs
from processes import FailedError, start_process
from servers import Server

FUNCTIONS = HERE / "functions"
START_LIMIT = 60.0  # seconds
POLL = 0.002  # seconds
_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, CLIENT_CORE = _CORES[0], _CORES[-1]


@dataclass(frozen=True)
class Running:
    """A server that has been started. `begin` is the clock just before."""

    server: Server
    process: subprocess.Popen[bytes]
    port: int
    begin: float
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        """Do the work once more; `FailedError` unless the answer is the right one."""
        status, body = client.call(self.port, self.server.path)
        if not work.is_good(status, body):
            raise FailedError(f"answered {status} {body[:200]!r}")

    def wait(self, *, ready_path: str = "") -> float:
        """Poll until the first good answer and return the seconds since the start.

        Good is the right answer to the work, or 200 from `ready_path` for a server that does something else.
        """
        last = "nothing listened"
        while (now := time.perf_counter()) - self.begin < START_LIMIT:
            if self.process.poll() is not None:
                break
            with suppress(OSError, ValueError, IndexError):
                if ready_path:
                    status, body = _get(self.port, ready_path)
                else:
                    status, body = client.call(self.port, self.server.path, timeout=5)
                if status == 200 and (ready_path or work.is_good(status, body)):
                    return time.perf_counter() - self.begin
                last = f"the last answer was {status} {body[:200]!r}"
            time.sleep(max(0.0, POLL - (time.perf_counter() - now)))
        ended = self.process.poll()
        state = f"ended with status {ended}" if ended is not None else f"not good after {START_LIMIT:.0f} s; {last}"
        raise FailedError(f"{state}{self._tail()}")

    def _tail(self) -> str:
        lines = [] if self.server.quiet else self.log.read_text(errors="replace").strip().splitlines()
        return f"; its log ends: {lines[-1][-200:]}" if lines else ""


def _get(port: int, path: str) -> tuple[int, bytes]:
    with client.Connection(port, timeout=5) as connection:
        connection.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        return connection.read_answer()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def run_server(server: Server) -> Iterator[Running]:
    """Start a server on the servers' core, with a small environment of its own; end it on leaving."""
    port, folder = _free_port(), find_programs(server.environment)
    values = {"bin": str(folder), "port": str(port), "cache": str(CACHE)}
    cores = ",".join(map(str, _CORES if server.is_spread else [SERVER_CORE]))
    command = ("taskset", "--cpu-list", cores, *(word.format(**values) for word in server.command.split()))
    # A variable of the caller's, such as WEB_CONCURRENCY or PORT, would change one server and not another.
    variables = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
    settings = {name: value.format(**values) for name, value in server.variables.items()}
    env = {"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **variables, **settings}
    (CACHE / "logs").mkdir(parents=True, exist_ok=True)
    log = Path(os.devnull) if server.quiet else CACHE / "logs" / f"{server.name}.log"
    with log.open("wb") as output:
        begin = time.perf_counter()
        with start_process(command, output, cwd=FUNCTIONS, env=env) as process:
            yield Running(server, process, port, begin, log)

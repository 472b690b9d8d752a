"""A real server under a limit of memory, and a probe that measures how long its loop stands still."""

from __future__ import annotations

import contextlib
import re
import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from tests.service import Service

FUNCTIONS = Path(__file__).parents[1] / "functions" / "fuzzed"
ADDRESS_SPACE = 3 * 1024**3  # bytes; threads and arenas reserve much more than they use
MEMORY = 400 * 1024**2  # bytes that a server may have had in use at once; without calls it has about 60 MB
SLOWEST_PROBE = 5.0  # seconds; measured are milliseconds, and a tenth of a second on a loaded machine


class Watch:
    """Asks `/_/live` again and again, over connections of its own; `slowest` is the longest answer in seconds."""

    def __init__(self, service: Service) -> None:
        address = urlsplit(service.url)
        self.address = (address.hostname or "", address.port or 0)
        self.slowest = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            start = time.monotonic()
            with contextlib.suppress(OSError), socket.create_connection(self.address, 60) as sock:
                sock.sendall(b"GET /_/live HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n")
                while sock.recv(4096):
                    pass
            self.slowest = max(self.slowest, time.monotonic() - start)

    def close(self) -> None:
        """Stop asking."""
        self._ended.set()
        self._thread.join(70)


def read_peak_memory(service: Service) -> int:
    """Return the peak memory of the server in bytes."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match
    return int(match[1]) * 1024


@contextlib.contextmanager
def serve_fuzzed(target: str, folder: Path, *flags: str) -> Iterator[Service]:
    """Serve a fuzzed function. At the end it must be alive, have used little memory, and never have hung."""
    flags = ("--drain-delay", "0", "--access-log", "off", "--timeout", "20s", *flags)
    service = Service(str(FUNCTIONS / target), flags, {}, folder)
    try:
        service.wait_ready()
        resource.prlimit(service.process.pid, resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        watch = Watch(service)
        try:
            yield service
        finally:
            watch.close()
        assert service.process.poll() is None, f"the server ended: {service.log[-2000:]}"
        assert service.get("/_/ready").status_code == 200
        assert read_peak_memory(service) < MEMORY, f"{read_peak_memory(service)} bytes were in use"
        assert watch.slowest < SLOWEST_PROBE, f"a probe was answered after {watch.slowest:.1f} s"
        assert "Traceback" not in service.log, service.log[-4000:]
    finally:
        service.kill()

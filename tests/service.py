"""A real `ovenbird serve` in a process of its own, and a client for it."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx

from tests.starts import start

_PATIENCE = 60.0  # seconds; only a broken server takes so long, whatever the machine is doing


class Service:
    """One server. `url` is where it listens; `log` what it has written to stderr; `call` posts JSON to it."""

    def __init__(
        self, target: str, flags: tuple[str, ...], environ: dict[str, str], folder: Path, *, fresh: bool = False
    ) -> None:
        self.log_path = folder / f"serve-{time.monotonic_ns()}.log"
        self._log = self.log_path.open("wb")
        words = ("serve", target, "--port", "0", *flags)
        env = {key: value for key, value in os.environ.items() if not key.startswith(("OVENBIRD_", "PORT"))}
        self.process = start(words, stderr=self._log, stdout=self._log, env={**env, **environ}, cwd=folder, fresh=fresh)
        self.url = ""

    @property
    def log(self) -> str:
        """The output of the server."""
        return self.log_path.read_text()

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON records of the log."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def wait_open(self) -> str:
        """Wait until the port is open; its URL."""
        pid = self.process.pid
        self.url = self.url or wait_until(lambda: _listening(pid), lambda: f"no port was opened:\n{self.log}", self)
        return self.url

    def wait_ready(self) -> Service:
        """Wait until the service is ready."""
        self.wait_open()
        wait_until(lambda: self.get("/_/ready").status_code == 200, lambda: f"not ready:\n{self.log}", self)
        return self

    def wait_log(self, text: str) -> None:
        """Wait until the log holds a text."""
        wait_until(lambda: text in self.log, lambda: f"{text!r} is not in the log:\n{self.log}")

    def get(self, path: str = "/", **options: Any) -> httpx.Response:
        """Send a GET request."""
        return httpx.get(self.url + path, timeout=_PATIENCE, verify=False, **options)

    def post(self, path: str = "/", **options: Any) -> httpx.Response:
        """Send a POST request."""
        return httpx.post(self.url + path, timeout=_PATIENCE, verify=False, **options)

    def call(self, payload: Any = None, **options: Any) -> httpx.Response:
        """POST a value as JSON."""
        return self.post(json=payload, **options)

    def metrics(self) -> dict[str, float]:
        """Return the samples of `/_/metrics`, by name and labels as they are written there."""
        lines = (line for line in self.get("/_/metrics").text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def send(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the process that was started."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end; the exit status."""
        return self.process.wait(_PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit status."""
        self.send(number)
        return self.wait()

    def kill(self) -> None:
        """End the process, whatever its state."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()


def wait_until(check: Any, message: Any, service: Service | None = None, pause: float = 0.01) -> Any:
    """Wait until `check()` is true; its value. Fails with `message()`, at once when the service has ended.

    `pause` is in seconds, and longer for a check that starts a process.
    """
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            if value := check():
                return value
        except httpx.TransportError:
            pass
        if service is not None and service.process.poll() is not None:
            raise AssertionError(f"the server ended with {service.process.returncode}; {message()}")
        time.sleep(pause)
    raise AssertionError(message())


def _listening(pid: int) -> str:
    """Return the URL of the TCP port of a process or its children, from /proc; empty if none listens."""
    inodes = set()
    for number in (pid, *_children(pid)):
        try:
            links = [str(link.readlink()) for link in Path(f"/proc/{number}/fd").iterdir()]
        except OSError:
            continue
        inodes |= {link[8:-1] for link in links if link.startswith("socket:[")}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            return f"http://127.0.0.1:{int(fields[1].split(':')[1], 16)}"
    return ""


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []

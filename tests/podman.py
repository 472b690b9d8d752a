"""Real containers, each with a client for the service in it, and all of them removed afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

import httpx

from tests.service import wait_until

_PATIENCE = 60.0  # seconds


class Podman:
    """The containers of a test: `start` for a service, `run` for a command that ends."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def start(self, image: str, *command: str, flags: tuple[str, ...] = (), port: int = 8080) -> Container:
        """Run a container in the background, its `port` published on a free port of 127.0.0.1."""
        name = self._name()
        podman("run", "--detach", "--name", name, "--publish", f"127.0.0.1::{port}", *flags, image, *command)
        return Container(name, port)

    def run(
        self, image: str, *command: str, flags: tuple[str, ...] = (), timeout: float = _PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        """Run a container to its end; any exit status is an answer."""
        return podman("run", "--name", self._name(), *flags, image, *command, check=False, timeout=timeout)

    def detached(self, image: str, *command: str, flags: tuple[str, ...] = ()) -> str:
        """Run a container in the background whose network is the flags' affair; its name."""
        name = self._name()
        podman("run", "--detach", "--name", name, *flags, image, *command)
        return name

    def log(self, name: str) -> str:
        """Return the output of a container on stdout and stderr."""
        process = podman("logs", name)
        return process.stdout + process.stderr

    def _name(self) -> str:
        self._names.append(f"ovenbird-test-{uuid.uuid4().hex[:12]}")
        return self._names[-1]

    def close(self) -> None:
        """Remove every container that was started."""
        if self._names:
            podman("rm", "--force", "--ignore", "--volumes", "--time", "0", *self._names)


class Container:
    """A running container; `url` is where its service is reached."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.url = f"http://{podman('port', name, str(port)).stdout.strip()}"

    @property
    def log(self) -> str:
        """The output of the container on stdout and stderr."""
        process = podman("logs", self.name)
        return process.stdout + process.stderr

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON records of the log."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    @property
    def state(self) -> dict[str, Any]:
        """Its state in the engine: `Status`, `ExitCode`, `OOMKilled`, `Pid`, `Health`, ..."""
        return dict(json.loads(podman("inspect", "--format", "{{json .State}}", self.name).stdout))

    def wait_ready(self, path: str = "/_/ready") -> Container:
        """Wait until the service is ready; fails at once when the container has ended."""
        wait_until(lambda: self._answers(path), lambda: f"not ready:\n{self.log}", pause=0.1)
        return self

    def _answers(self, path: str) -> bool:
        try:
            return self.get(path).status_code == 200
        except httpx.TransportError:  # the port is open from the start, but nobody is behind it yet
            state = self.state
            if state["Status"] not in ("created", "initialized", "running"):
                raise AssertionError(f"the container ended with {state['ExitCode']}:\n{self.log}") from None
            return False

    def wait_log(self, text: str) -> None:
        """Wait until the log holds a text."""
        wait_until(lambda: text in self.log, lambda: f"{text!r} is not in the log:\n{self.log}", pause=0.2)

    def get(self, path: str = "/", **options: Any) -> httpx.Response:
        """Send a GET request."""
        return httpx.get(self.url + path, timeout=_PATIENCE, trust_env=False, verify=False, **options)

    def post(self, path: str = "/", **options: Any) -> httpx.Response:
        """Send a POST request."""
        return httpx.post(self.url + path, timeout=_PATIENCE, trust_env=False, verify=False, **options)

    def call(self, payload: Any = None, **options: Any) -> httpx.Response:
        """POST a value as JSON."""
        return self.post(json=payload, **options)

    def exec(self, *command: str, flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run a command in the container; any exit status is an answer."""
        return podman("exec", *flags, self.name, *command, check=False)

    def kill(self, signal: str) -> None:
        """Send a signal to its first process."""
        podman("kill", "--signal", signal, self.name)

    def stop(self, seconds: int = 30) -> int:
        """`podman stop`: the stop signal, and after `seconds` the kill; the exit status."""
        podman("stop", "--time", str(seconds), self.name)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end; the exit status."""
        return int(podman("wait", self.name).stdout)


def podman(*words: str, check: bool = True, timeout: float = _PATIENCE) -> subprocess.CompletedProcess[str]:
    """Run podman, which has to succeed; an error shows its output."""
    process = subprocess.run(
        ["podman", *words], capture_output=True, text=True, check=False, timeout=timeout, stdin=subprocess.DEVNULL,
        cwd=Path(os.environ["CONTAINERS_CONF"]).parent,  # conmon leaves a file `oom` where it was started
    )  # fmt: skip
    assert not check or process.returncode == 0, f"podman {' '.join(words)}: {process.stderr}"
    return process

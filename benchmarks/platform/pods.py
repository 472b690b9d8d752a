"""Pods as the platform starts them: a folder /shared, an environment, a container; Core and S3 are on this machine."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from processes import FailedError
from tests.core.server import Double
from tests.platforms import begin, lay_out
from tests.processors import free_port

from engine import Store

NATIVE, RENDERED, LOCAL = "native", "rendered", "local"
PROCESSOR = ("/opt/nuclio/processor", "--config", "/shared/function.yaml")
RUN = ("/opt/ovenbird/bin/ovenbird", "run")
OWN = "ovenbird"  # how native mode calls itself where it asks Core
PATIENCE = 120.0  # seconds


@dataclass(frozen=True)
class Pod:
    """One pod, ready to be started: the command of its container, its two ports, the run, and how it is to be run."""

    command: tuple[str, ...]
    name: str
    port: int
    probes: int
    run: str
    mode: str


@dataclass(frozen=True)
class Tail:
    """Seconds until a job's process had ended: since its handler returned, and since Core's last answer."""

    returned: float
    answered: float


class Pods:
    """Pods of one image. `platform` is the environment that all of them have."""

    def __init__(self, folder: Path, store: Store, image: str, core: Double, platform: dict[str, str]) -> None:
        self.folder, self.store, self.image, self.core, self.platform = folder, store, image, core, platform
        self.ear = socket.create_server(("127.0.0.1", 0))
        self.ear.settimeout(PATIENCE)
        self._count = 0

    def make_pod(self, code: str, kind: str, mode: str, command: tuple[str, ...] = PROCESSOR) -> Pod:
        """Have Core start a run of `code` (its function is `fn`), and lay out the pod's folder.

        In the mode `local` the platform is not in the pod's environment: the run is one of the local store.
        """
        self._count += 1
        name = f"pod-{self._count}"
        shared = self.folder / name
        shared.mkdir(parents=True)
        run, source = begin(self.core, code, kind, {"handler": "main:fn"})
        lay_out(shared, self.core, run, code, kind)
        port, probes = free_port(), free_port()
        environ = {
            "PORT": str(port), "OVENBIRD_PROBE_PORT": str(probes), "OVENBIRD_ACCESS_LOG": "false",
            "PYTHONPATH": "/shared", "EAR": str(self.ear.getsockname()[1]),
        }  # fmt: skip
        if mode != LOCAL:
            environ |= {**self.platform, "PROJECT_NAME": "p", "RUN_ID": run, "OVENBIRD_PLATFORM_MODE": mode}
            environ |= {"RENDERED_SOURCE": json.dumps(source)}
        pairs = [word for key, value in environ.items() for word in ("--env", f"{key}={value}")]
        podman = (
            "podman", "run", "--rm", "--name", name, "--network", "host", "--volume", f"{shared}:/shared", *pairs,
            "--entrypoint", command[0], self.image, *command[1:],
        )  # fmt: skip
        return Pod(podman, name, port, probes, run, mode)

    def time_job(self, pod: Pod) -> float:
        """Return seconds that a job's pod takes. Errors: FailedError."""
        self.core.agents.clear()
        seconds = self.time_command(*pod.command)
        self._check(pod)
        return seconds

    def measure_tail(self, pod: Pod) -> Tail:
        """How long a job's pod stays after its work, as the kernel hangs up for a process that has ended.

        Errors: FailedError.
        """
        self.core.agents.clear()
        with self._start(pod) as child:
            try:
                connection, _ = self.ear.accept()
            except TimeoutError:
                raise FailedError(f"{pod.name} did not call its function; status {child.poll()}") from None
            with connection:
                connection.settimeout(PATIENCE)
                connection.recv(1)
                returned = time.monotonic()
                connection.recv(1)
                ended = time.monotonic()
            child.wait(PATIENCE)
        self._check(pod)
        return Tail(ended - returned, ended - self.core.answered)

    @contextmanager
    def serve(self, pod: Pod) -> Iterator[float]:
        """Run a service's pod and yield the seconds until it was ready; remove it afterwards. Errors: FailedError."""
        self.core.agents.clear()
        start = time.perf_counter()
        with self._start(pod) as child:
            while not _is_ready(pod.probes):
                if child.poll() is not None or time.perf_counter() - start > PATIENCE:
                    raise FailedError(f"{pod.name} did not become ready; status {child.poll()}")
                time.sleep(0.005)
            seconds = time.perf_counter() - start
            self._check(pod)
            yield seconds

    @contextmanager
    def _start(self, pod: Pod) -> Iterator[subprocess.Popen[bytes]]:
        null = subprocess.DEVNULL
        child = subprocess.Popen(pod.command, env=self.store.environ, cwd=self.folder, stdout=null, stderr=null)
        try:
            yield child
        finally:
            self.store.run("podman", "rm", "--force", "--ignore", "--time", "0", pod.name)
            child.wait(PATIENCE)

    def _check(self, pod: Pod) -> None:
        """Check that a pod ran in its mode: who called Core, and the state of the job. Errors: FailedError."""
        agents = {NATIVE: {OWN}, LOCAL: set()}.get(pod.mode, self.core.agents - {OWN})
        if self.core.agents != agents or (pod.mode == RENDERED and not agents):
            raise FailedError(f"{pod.name} was not run in the mode {pod.mode}: {sorted(self.core.agents)} asked Core")
        state = self.core.run("p", pod.run)["status"]["state"]
        if pod.mode != LOCAL and state not in ("RUNNING", "COMPLETED"):
            raise FailedError(f"{pod.name} left its run as {state}")

    def time_command(self, *command: str) -> float:
        """Return seconds that a program takes. Errors: FailedError."""
        start = time.perf_counter()
        self.store.run(*command)
        return time.perf_counter() - start


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
    return False

"""Pods as the platform starts them: a folder /shared, an environment, a container; Core and S3 are on this machine."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the double of Core and the rendered module are the tests'

from processes import FailedError
from tests.core.server import Double
from tests.platforms import RENDERED
from tests.processors import HTTP, document, free_port, job

from engine import Store

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds
EMPTY = "def fn():\n    pass\n"
OUTPUTS = """
from digitalhub_runtime_python import handler

@handler(outputs=["one", "two", "three"])
def fn():
    return {"n": 1}, {"n": 2}, {"n": 3}
"""
WAITS = "import time\n\ndef fn(context, event):\n    time.sleep(0.02)\n    return 'done'\n"


@dataclass(frozen=True)
class Pod:
    """One pod, ready to be started: the command of its container, its two ports, the id of its run."""

    command: tuple[str, ...]
    name: str
    port: int
    probes: int
    identity: str


class Pods:
    """What starts pods of one image."""

    def __init__(self, folder: Path, store: Store, image: str, core: Double, s3: dict[str, str]) -> None:
        self.folder, self.store, self.image, self.core, self.s3 = folder, store, image, core, s3
        self._count = 0

    def pod(self, code: str, kind: str, mode: str) -> Pod:
        """Have Core start a run of `code` (its function is `fn`), and lay out the pod's folder."""
        self._count += 1
        name = f"pod-{self._count}"
        shared = self.folder / name
        shared.mkdir(parents=True)
        source = {"base64": base64.b64encode(code.encode()).decode(), "source": "main.py", "handler": "main:fn"}
        identity = self._run(kind, source)
        body = json.dumps(self.core.run("p", identity))
        (shared / "function.yaml").write_text(json.dumps(document(job(body) if kind == "job" else HTTP)))
        (shared / "handler.py").write_text(RENDERED)
        (shared / "main.py").write_text(code)
        for path in (shared, *shared.iterdir()):  # another user's, in the container
            path.chmod(0o777 if path.is_dir() else 0o644)
        port, probes = free_port(), free_port()
        environ = {
            **self.core.environ(), **self.s3, "DHCORE_DEFAULT_FILES_STORE": "s3://outputs", "PROJECT_NAME": "p",
            "RUN_ID": identity, "OVENBIRD_PLATFORM_MODE": mode, "RENDERED_SOURCE": json.dumps(source),
            "PORT": str(port), "OVENBIRD_PROBE_PORT": str(probes), "OVENBIRD_ACCESS_LOG": "false",
        }  # fmt: skip
        pairs = [word for key, value in environ.items() for word in ("--env", f"{key}={value}")]
        command = (
            "podman", "run", "--rm", "--name", name, "--network", "host", "--volume", f"{shared}:/shared", *pairs,
            "--entrypoint", "/opt/nuclio/processor", self.image, "--config", "/shared/function.yaml",
        )  # fmt: skip
        return Pod(command, name, port, probes, identity)

    def _run(self, kind: str, source: dict[str, str]) -> str:
        create = self.core.entities.create
        function = create("p", "function", {"name": "f", "kind": "python", "spec": {"source": source}})
        called = f"python://p/f:{function['id']}"
        task = create("p", "task", {"kind": f"python+{kind}", "spec": {"function": called}})
        spec = {"function": called, "task": f"python+{kind}://p/{task['id']}", "local_execution": False}
        run = {"kind": f"python+{kind}:run", "project": "p", "metadata": {}, "spec": spec}
        identity: str = self.core.answer("POST", "/api/v1/-/p/runs", {}, run)["id"]
        self.core.settle("p", identity)
        return identity

    def to_end(self, pod: Pod) -> float:
        """Seconds that a job's pod takes. Errors: FailedError."""
        return self.seconds(*pod.command)

    def to_ready(self, pod: Pod) -> tuple[float, subprocess.Popen[bytes]]:
        """Seconds until a service's pod says that it is ready, and what runs it."""
        start = time.perf_counter()
        child = subprocess.Popen(
            pod.command, env=self.store.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not _ready(pod.probes):
            if child.poll() is not None or time.perf_counter() - start > PATIENCE:
                raise FailedError(f"{pod.name} did not become ready")
            time.sleep(0.005)
        return time.perf_counter() - start, child

    def stop(self, pod: Pod, child: subprocess.Popen[bytes]) -> None:
        """End a service's pod."""
        self.store.run("podman", "rm", "--force", "--time", "0", pod.name)
        child.wait(30)

    def seconds(self, *command: str) -> float:
        """Seconds that a program takes. Errors: FailedError."""
        start = time.perf_counter()
        self.store.run(*command)
        return time.perf_counter() - start


def _ready(port: int) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with suppress(OSError):
        return bool(opener.open(f"http://127.0.0.1:{port}/ready", timeout=5).status == 200)
    return False

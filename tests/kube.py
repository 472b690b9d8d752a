"""A namespace of a real cluster for one test: what `ovenbird manifests` prints is applied there by kubectl."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests import starts

PATIENCE = 240.0  # seconds; a node that other tests load starts pods slowly


class Kube:
    """A namespace, and a folder with a function document whose image is there."""

    def __init__(self, folder: Path, image: str) -> None:
        self.folder, self.image = folder, image
        self.processes: list[subprocess.Popen[str]] = []  # started in the namespace, ended with it
        self.namespace = f"ovenbird-{uuid.uuid4().hex[:10]}"
        self.write("function.yaml", make_document("greet"))
        self.kubectl("create", "namespace", self.namespace)
        # every pod has to meet the strictest profile
        self.kubectl("label", "namespace", self.namespace, "pod-security.kubernetes.io/enforce=restricted")

    def write(self, name: str, text: str) -> None:
        """Write a file into the folder."""
        (self.folder / name).write_text(text)

    def kubectl(self, *words: str, text: str = "", check: bool = True) -> str:
        """Run kubectl in the namespace and return its output."""
        command = ["kubectl", "--namespace", self.namespace, *words]
        process = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, timeout=PATIENCE, cwd=self.folder
        )  # fmt: skip
        assert not check or process.returncode == 0, f"{' '.join(command)}: {process.stderr}\n{text}"
        return process.stdout + ("" if check else process.stderr)

    def make_manifests(self, *words: str) -> tuple[str, str]:
        """Return stdout and stderr of `ovenbird manifests` for the function."""
        command = ["manifests", "function.yaml", *words]
        if not {"--image", "--build-result"} & set(words):
            command += ["--image", self.image]
        process = starts.run(*command, timeout=PATIENCE, cwd=self.folder)
        assert process.returncode == 0, process.stderr
        return process.stdout, process.stderr

    def apply(self, *words: str, flags: tuple[str, ...] = ()) -> str:
        """Apply the manifests of these words; return kubectl's line for each object."""
        return self.kubectl("apply", "--validate=strict", *flags, "-f", "-", text=self.make_manifests(*words)[0])

    def get(self, *words: str) -> dict[str, Any]:
        """Return an object, or a List of them."""
        document: dict[str, Any] = json.loads(self.kubectl("get", *words, "-o", "json"))
        return document

    def list_pods(self, *words: str) -> list[dict[str, Any]]:
        """Return the pods of the namespace, or those that are chosen."""
        return list(self.get("pods", *words)["items"])

    def count_ready(self) -> int:
        """How many pods are ready."""
        states = [pod["status"].get("conditions", ()) for pod in self.list_pods()]
        return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in conditions) for conditions in states)

    def wait_rollout(self, name: str = "greet") -> str:
        """Wait for a rollout, and for its Service; the URL of that, which is of type NodePort."""
        self.kubectl("rollout", "status", f"deployment/{name}", f"--timeout={PATIENCE - 10:.0f}s")
        (port,) = self.get("service", name)["spec"]["ports"]
        url = f"http://127.0.0.1:{port['nodePort']}"
        self.wait_until(
            lambda: httpx.get(f"{url}/_/ready", timeout=10, trust_env=False, verify=False).status_code == 200, 0.2
        )
        return url

    def wait_finished(self, name: str) -> str:
        """Wait for the end of a Job: `Complete` or `Failed`."""

        def ended() -> str:
            conditions = self.get("job", name)["status"].get("conditions", ())
            ends = [c["type"] for c in conditions if c["status"] == "True" and c["type"] in ("Complete", "Failed")]
            return ends[0] if ends else ""

        return str(self.wait_until(ended))

    def wait_until(self, check: Callable[[], Any], pause: float = 1.0) -> Any:
        """Wait until `check()` is true and return its value; the error describes the namespace.

        `pause` is in seconds: kubectl and the server that it asks take a good part of one.
        """
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if value := check():
                    return value
            except httpx.TransportError:
                pass
            time.sleep(pause)
        events = self.kubectl("get", "events", "--sort-by=.lastTimestamp", check=False)[-3000:]
        raise AssertionError(f"it did not happen:\n{self.kubectl('get', 'pods', '-o', 'wide', check=False)}\n{events}")

    def close(self) -> None:
        """End what was started in the namespace, and remove it, without waiting for its end."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
        command = ["kubectl", "delete", "namespace", self.namespace, "--wait=false"]
        subprocess.run(command, capture_output=True, check=False)


def make_document(name: str) -> str:
    """Return the function document under a name."""
    return f'kind: python\nname: {name}\nspec:\n  python_version: "3.13"\n  source: {{handler: "main:handler"}}\n'


def has_cluster() -> bool:
    """Return whether there is a cluster, and a registry that its nodes pull from."""
    return bool(os.environ.get("KUBECONFIG") and os.environ.get("TEST_REGISTRY"))

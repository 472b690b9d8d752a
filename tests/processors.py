"""The platform's processor in a process of its own, and folders as the platform lays them out for it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import textwrap
from pathlib import Path
from typing import Any

import httpx

from tests import starts
from tests.service import Service, wait_until

FUNCTIONS = Path(__file__).parent / "functions"
JOB = {"job": {"kind": "job", "attributes": {"event": {"body": ""}}}}
HTTP = {"http": {"kind": "http"}}


# what the platform's script does: it installs what is asked for, runs the processor as its child, and knows 0 and 1
ENTRYPOINT = """\
#!/bin/bash
while [ $# -gt 0 ]; do
    case "$1" in
        --processor) processor=$2 ;;
        --config) config=$2 ;;
        --requirements) requirements=$2 ;;
        *) echo "unknown: $1" >&2; exit 1 ;;
    esac
    shift 2
done
if [ -z "$HOME" ] || [ "$HOME" = / ]; then
    export HOME=/shared
fi
if [ -s "$requirements" ]; then
    python3 -m pip install --quiet --user -r "$requirements" || exit 1
fi
"$processor" --config "$config"
status=$?
if [ $status -ne 0 ]; then
    echo "the processor has failed with status $status" >&2
    exit 1
fi
exit 0
"""


def document(triggers: Any, **spec: Any) -> dict[str, Any]:
    """Return a processor's document as the platform writes it."""
    return {
        "apiVersion": "nuclio.io/v1beta1",
        "kind": "NuclioFunction",
        "metadata": {"name": "f1"},
        "spec": {
            "runtime": "python", "handler": "handler:handler", "minReplicas": 1, "maxReplicas": 1, "triggers": triggers,
            **spec,
        },
    }  # fmt: skip


def job(body: Any) -> dict[str, Any]:
    """Return a job trigger; `body` is text, or a value that becomes JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return {"job": {"kind": "job", "attributes": {"event": {"body": text}}}}


def http(attributes: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Return an http trigger."""
    return {"http": {"kind": "http", **fields, "attributes": attributes or {}}}


class Processor(Service):
    """A processor that serves, or has ended: `url` and `probes` are its two ports."""

    def __init__(self, folder: Path, flags: tuple[str, ...], environ: dict[str, str]) -> None:
        self.log_path = folder / "log"
        self._log = self.log_path.open("wb")
        port, second = free_port(), free_port()
        self.url, self.probes = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{second}"
        config = str(folder / "function.yaml")
        words = ["processor", "--config", config, *flags]
        env = {key: value for key, value in os.environ.items() if not key.startswith(("OVENBIRD_", "NUCLIO_", "PORT"))}
        env |= {"PORT": str(port), "OVENBIRD_PROBE_PORT": str(second), "OVENBIRD_DRAIN_DELAY": "0.2", **environ}
        self.process = starts.start(words, stderr=self._log, stdout=self._log, env=env, cwd=folder)

    def probe(self, path: str) -> httpx.Response:
        """Send a GET request to the second port."""
        return httpx.get(self.probes + path, timeout=30, trust_env=False, verify=False)

    def wait_ready(self) -> Processor:
        """Wait until the second port reports the function as ready."""
        wait_until(lambda: self.probe("/ready").status_code == 200, lambda: f"not ready:\n{self.log}", self)
        return self


class Processors:
    """A folder that stands for /shared, and what is started on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[Processor] = []

    def lay_out(self, source: str, triggers: Any, **spec: Any) -> None:
        """Write handler.py (text, or the name of a folder of tests/functions) and the processor's document."""
        if "\n" in source:
            (self.folder / "handler.py").write_text(textwrap.dedent(source))
        else:
            shutil.copytree(FUNCTIONS / source, self.folder, dirs_exist_ok=True)
        (self.folder / "function.yaml").write_text(json.dumps(document(triggers, **spec)))

    def start(self, *flags: str, **environ: str) -> Processor:
        """Start the processor on what was laid out."""
        self._started.append(Processor(self.folder, flags, environ))
        return self._started[-1]

    def serve(self, source: str, triggers: Any = HTTP, spec: dict[str, Any] | None = None, **environ: str) -> Processor:
        """Lay out a service, start it, and wait until it is ready."""
        self.lay_out(source, triggers, **(spec or {}))
        return self.start(**environ).wait_ready()

    def run(
        self, source: str, triggers: Any = JOB, spec: dict[str, Any] | None = None, **environ: str
    ) -> tuple[int, Processor]:
        """Lay out a function, start the processor and wait for its end; the exit status, and the log."""
        self.lay_out(source, triggers, **(spec or {}))
        processor = self.start(**environ)
        return processor.wait(), processor

    def close(self) -> None:
        """End what still runs."""
        for processor in self._started:
            processor.kill()


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

"""A real registry, docker-registry, on a port of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def run_registry(folder: Path, store: Path, auth: str = "", host: str = "127.0.0.1") -> Iterator[str]:
    """Run a registry that stores images in `store`; `auth` is the YAML of its `auth` section. Yield its address."""
    folder.mkdir(exist_ok=True)
    (folder / "config.yml").write_text(
        "version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {json.dumps(str(store))}}}}}\n"
        f'http: {{addr: "{host}:0", secret: tests}}\n{auth}'
    )
    # docker-registry takes every REGISTRY_... for a setting of its own, also the REGISTRY_AUTH_FILE of skopeo
    env = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    command = ["docker-registry", "serve", str(folder / "config.yml")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield _address(process, folder / "log")
    finally:
        process.terminate()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        if match := re.search(r"listening on (127\.0\.0\.1:\d+|\[::1\]:\d+)", log.read_text()):
            return match[1]
        time.sleep(0.02)
    raise AssertionError(f"the registry did not start:\n{log.read_text()}")

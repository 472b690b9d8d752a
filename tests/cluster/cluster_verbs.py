"""`ovenbird` with `--cluster`, started in a namespace."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from tests import starts
from tests.kube import PATIENCE, Kube

FUNCTION = """\
kind: python
name: greet
spec:
  python_version: "3.13"
  source: {{handler: "main:handler"}}
  {field}: {image}
"""


def start(space: Kube, *words: str, **env: str) -> subprocess.Popen[str]:
    """Start `ovenbird` with `--cluster` in the namespace."""
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    process: subprocess.Popen[str] = starts.start(
        [*words, "--cluster", "--namespace", space.namespace], cwd=space.folder, text=True,
        env={**os.environ, "OVENBIRD_LOG_FORMAT": "text", **env}, **streams,
    )  # fmt: skip
    space.processes.append(process)
    return process


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for its end; return its exit status, stdout and stderr."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err

"""Preparation: the base image with the SDK, Core, S3, and the functions."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from environments import say
from pods import Pods
from tests.core.server import Double
from tests.stores import bucket, s3_server

import engine

EMPTY = "def fn():\n    pass\n"
SERVICE = "def fn(context, event):\n    return 1\n"
WAITS = "import time\n\ndef fn(context, event):\n    time.sleep(0.02)\n    return 'done'\n"
OUTPUTS = """
from digitalhub_runtime_python import handler

@handler(outputs=["one", "two", "three"])
def fn():
    return {"n": 1}, {"n": 2}, {"n": 3}
"""
# what it holds open is closed by the end of the process, and by nothing before
TELLS = """
import os
import socket

def fn():
    ear = socket.create_connection(("127.0.0.1", int(os.environ["EAR"]))).detach()
    os.write(ear, b".")
"""


@dataclass(frozen=True)
class Ground:
    """The pods, of the image with the SDK; the base image without it; their Python's version."""

    pods: Pods
    base: str
    python: str


@contextmanager
def prepare_ground(folder: Path) -> Iterator[Ground]:
    """Prepare all of it, and run servers meanwhile. Errors: FailedError."""
    store, python = engine.make_store(folder / "store"), engine.choose_version()
    say(f"building the base image of Python {python}, and its flavour with the SDK (two minutes) ...")
    base, _ = store.build(python)
    command = (sys.executable, "-m", "ovenbird", "base", "build", python, "--flavour", "sdk", "--quiet")
    (built,) = json.loads(store.run(*command, "--from", base, "--pull", "never"))
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # which tells of every call of S3
    core = Double()
    core.entities.add_project({"name": "p", "kind": "project", "spec": {}})
    try:
        with s3_server() as address:
            platform = {**core.environ(), **bucket(address), "DHCORE_DEFAULT_FILES_STORE": "s3://outputs"}
            yield Ground(Pods(folder / "pods", store, built["image"], core, platform), base, python)
    finally:
        core.close()

"""A stand-in for kubectl, for what one node cannot show: it answers from files, over the real protocol."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ovenbird_builder.cluster.kubectl import Kubectl

# logs: the N-th connection sends N lines and breaks off; all else: what the file of that name holds
PROGRAM = """\
import json, pathlib, sys, time
folder = pathlib.Path({folder!r})
words = [word for word in sys.argv[1:] if not word.startswith("--namespace")]
since = "".join(word.partition("=")[2] for word in words if word.startswith("--since-time"))
if words[0] == "logs" and "--previous" in words and (folder / "first").exists():
    sys.exit('Error from server (BadRequest): previous terminated container "function" in pod "greet-1" not found')
elif words[0] == "logs":
    counter = folder / "connections"
    count = int(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text(str(count))
    lines = [line for line in (folder / "log").read_bytes().splitlines(True) if line[:19].decode() >= since[:19]]
    breaks = count < len(lines)
    sys.stdout.buffer.write(b"".join(lines[:count]) + (lines[count][:30] if breaks else b""))
    if breaks:
        sys.exit("error: unexpected EOF")
elif words[0] == "port-forward":
    with (folder / "ports").open("a") as ports:
        print(words[2], file=ports)
    port = words[2].partition(":")[0] or "40001"
    print(f"Forwarding from 127.0.0.1:{{port}} -> 8080", flush=True)
    sys.exit("error: lost connection to pod")
elif words[0] == "create":
    refusal = folder / "refusal"
    if refusal.exists():
        sys.exit(refusal.read_text())
    items = json.load(sys.stdin)["items"]
    created = folder / "created"
    created.write_text(json.dumps((json.loads(created.read_text()) if created.exists() else []) + items))
    for item in items:
        item["metadata"].update(namespace="team-a", uid="1")
    print(json.dumps(dict(kind="List", items=items)))
elif "--watch" in words:
    with (folder / "changes").open() as changes:
        while True:
            print(changes.read(), end="", flush=True)
            time.sleep(0.05)
else:
    path = folder / words[1]
    if words[0] == "delete":
        (folder / "deleted").write_text(words[2])
    failure = folder / "failure"
    if failure.exists() and words[0] == "get":
        sys.exit(failure.read_text())
    if not path.exists() and "." in words[1]:
        sys.exit(f'error: the server doesn\\'t have a resource type "{{words[1]}}"')
    if not path.exists():
        sys.exit(f'Error from server (NotFound): {{words[1]}} "x" not found')
    print(path.read_text())
    following = folder / (words[1] + ".next")
    if following.exists():
        following.rename(path)
"""


class StandIn:
    """The stand-in, in a folder of its own: `put` says what it answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = program = folder / "bin" / "kubectl"
        program.parent.mkdir()
        self.repair()
        program.chmod(0o755)
        self.kubectl = Kubectl({**os.environ, "PATH": str(program.parent)})
        self.put("events", {"items": []})
        self.put("changes", b"")

    def spoil(self) -> None:
        """Let the program be one that this machine does not start."""
        self.program.write_bytes(b"\0")

    def repair(self) -> None:
        """Let it be the stand-in."""
        self.program.write_text(f"#!{sys.executable} -IS\n{PROGRAM.format(folder=str(self.folder))}")

    def put(self, name: str, value: Any) -> None:
        """Answer `kubectl get NAME` with a value, or with bytes as they are; `NAME.next` is the answer after that."""
        if isinstance(value, bytes):
            (self.folder / name).write_bytes(value)
        else:
            (self.folder / name).write_text(json.dumps(value))


@pytest.fixture
def standin(tmp_path: Path) -> StandIn:
    """A stand-in for kubectl, alone on the PATH."""
    return StandIn(tmp_path)


def make_pod(name: str = "greet-1", **status: Any) -> dict[str, Any]:
    """Return a pod on a node, with a status."""
    about = {"name": name, "uid": f"uid-{name}", "creationTimestamp": "2026-11-29T11:00:00Z"}
    limits = {"memory": "64Mi"}
    spec = {"nodeName": "node1", "containers": [{"name": "function", "resources": {"limits": limits}}]}
    return {"metadata": about, "spec": spec, "status": status}


def make_state(**state: Any) -> list[dict[str, Any]]:
    """Return the status of the container."""
    return [{"name": "function", "state": state}]

"""Native mode beside the rendered module: starts, whole jobs, calls at once, and what is asked of Core."""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from environments import say
from pods import EMPTY, OUTPUTS, ROOT, WAITS, Pods
from targets import Target
from tests.core.server import Double

import engine

MODES = ("native", "rendered")
AT_ONCE = 8
TIMES = 5.0  # that native is to be faster than rendered
SCALES = 6.0  # times the calls of one at a time


@dataclass
class Found:
    """What was measured: seconds by what they are of, calls per second, calls of Core by mode."""

    seconds: dict[str, float] = field(default_factory=dict)
    calls: dict[int, float] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)


def measure(folder: Path, rounds: int, duration: float) -> tuple[list[tuple[str, str]], list[Target]]:
    """Rows for the report, and what is held against the bounds."""
    from moto.server import ThreadedMotoServer

    store, python = engine.store(folder / "store"), engine.version()
    say(f"building the base image of Python {python}, and its flavour with the SDK (minutes) ...")
    base, _ = store.build(python)
    command = (sys.executable, "-m", "ovenbird", "base", "build", python, "--flavour", "sdk", "--quiet")
    (built,) = json.loads(store.run(*command, "--from", base, "--pull", "never"))
    core = Double()
    core.entities.add_project({"name": "p", "kind": "project", "spec": {}})
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        pods = Pods(folder / "pods", store, built["image"], core, _bucket(server.get_host_and_port()[1]))
        found = Found()
        _times(pods, base, python, rounds, found)
        _together(pods, duration, found)
        for mode in MODES:
            found.asked[mode] = _asked(pods, mode)
    finally:
        server.stop()
        core.close()
    return _rows(found), _targets(found)


def _bucket(port: int) -> dict[str, str]:
    from obstore.store import S3Store  # noqa: F401  (said here, where it is missing, and not in a container)

    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("PUT", "/outputs")
    connection.getresponse().read()
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_REGION": "us-east-1", "S3_PATH_STYLE": "true",
    }  # fmt: skip


def _times(pods: Pods, base: str, python: str, rounds: int, found: Found) -> None:
    """Medians, taken in turn; one round before does not count."""
    podman = ("podman", "run", "--rm", "--network", "host", "--entrypoint", "python3")
    ways: dict[str, Callable[[], float]] = {
        "podman run true": lambda: pods.seconds(*podman[:-1], "true", pods.image),
        "import of the SDK": lambda: pods.seconds(*podman, pods.image, "-c", "import digitalhub_runtime_python"),
    }
    for mode in MODES:
        ways[f"{mode}: start to READY"] = lambda mode=mode: _start(pods, mode)
        ways[f"{mode}: an empty job"] = lambda mode=mode: pods.to_end(pods.pod(EMPTY, "job", mode))
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        say(f"starting containers (round {number} of {rounds}) ...")
        for name, way in ways.items():
            seconds = way()
            if number:
                taken[name].append(seconds)
    found.seconds = {name: median(all_) for name, all_ in taken.items()}
    say("installing the SDK as at a start ...")
    locks = ROOT / "images" / "locks"
    install = (*podman, "--volume", f"{locks}:/locks:ro", *_certificates(), base, "-m", "pip", "install", "--quiet",
               "--no-cache-dir", "--no-deps", "--target", "/tmp/sdk", "-r", f"/locks/{python}-sdk.txt")  # fmt: skip
    found.seconds["installation of the SDK, as at a start"] = pods.seconds(*install)


def _certificates() -> tuple[str, ...]:
    import os

    bundle = os.environ.get("SSL_CERT_FILE") or os.environ.get("PIP_CERT")
    if not bundle:
        return ()
    return ("--volume", f"{bundle}:/run/ovenbird/ca.pem:ro", "--env", "PIP_CERT=/run/ovenbird/ca.pem")


def _start(pods: Pods, mode: str) -> float:
    pod = pods.pod("def fn(context, event):\n    return 1\n", "serve", mode)
    seconds, child = pods.to_ready(pod)
    pods.stop(pod, child)
    return seconds


def _together(pods: Pods, duration: float, found: Found) -> None:
    """Calls per second, one at a time and eight at once."""
    say("calling ...")
    pod = pods.pod(WAITS, "serve", "native")
    _, child = pods.to_ready(pod)
    for count in (1, AT_ONCE):
        with ThreadPoolExecutor(count) as pool:
            done = pool.map(_call, [pod.port] * count, [duration] * count)
            found.calls[count] = sum(done) / duration
    pods.stop(pod, child)


def _call(port: int, duration: float) -> int:
    connection, count, end = http.client.HTTPConnection("127.0.0.1", port), 0, time.perf_counter() + duration
    while time.perf_counter() < end:
        connection.request("POST", "/")
        answer = connection.getresponse()
        count += answer.status == 200
        answer.read()
    return count


def _asked(pods: Pods, mode: str) -> int:
    """The calls that a job with three outputs makes."""
    pod = pods.pod(OUTPUTS, "job", mode)
    pods.core.calls.clear()
    pods.to_end(pod)
    return len(pods.core.calls)


def _rows(found: Found) -> list[tuple[str, str]]:
    rows = [(name, f"{seconds:.2f} s") for name, seconds in found.seconds.items()]
    rows += [(f"calls at once: {count}, of 20 ms each", f"{rate:.0f} per s") for count, rate in found.calls.items()]
    return rows + [(f"{mode}: calls of Core by a job with three outputs", str(n)) for mode, n in found.asked.items()]


def _targets(found: Found) -> list[Target]:
    targets, engine_own = [], found.seconds["podman run true"]
    for what in ("start to READY", "an empty job"):
        native, rendered = (found.seconds[f"{mode}: {what}"] for mode in MODES)
        targets.append(Target(f"{what}: rendered to native, as measured", rendered / native, TIMES))
        net = (rendered - engine_own) / max(native - engine_own, 0.001)
        targets.append(Target(f"{what}: rendered to native, without `podman run true`", net, TIMES))
    targets.append(Target(f"calls per second, {AT_ONCE} at once to one", found.calls[AT_ONCE] / found.calls[1], SCALES))
    targets.append(
        Target("calls of Core by a job with three outputs", float(found.asked["native"]), 12, "", at_most=True)
    )
    return targets

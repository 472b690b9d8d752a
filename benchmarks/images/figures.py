"""The costs of a base image: bytes by package, seconds to the first good answer, and reproducibility."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median

from environments import say
from processes import FailedError
from targets import Target

from engine import Store, choose_version, make_store

LIMIT = 45.0  # MB (10^6 bytes) that a base may add to its upstream, uncompressed
START = 1.25  # times the same command outside plus the engine's own start of `true`
PATIENCE = 60.0  # seconds
_SOURCE = "def handler(n: int = 1):\n    return {'n': n}\n"
Rows = list[tuple[str, str]]


def measure(folder: Path, rounds: int) -> tuple[Rows, Rows, list[Target]]:
    """Measure sizes and times, and return them with the targets."""
    python, stores = choose_version(), [make_store(folder / name) for name in ("one", "two")]
    built = []
    for base_store in stores:
        say(f"building the base image of Python {python} ...")
        built.append(base_store.build(python))
    image, digests = built[0][0], {digest for _, digest in built}
    added = sum_sizes(stores[0].list_last_layer(image))
    total = sum(added.values()) / 1e6
    say(f"starting containers ({rounds} rounds) ...")
    times = measure_starts(stores[0], image, folder, rounds)
    outside = zip(times["container"], times["the same command outside"], times["podman run true"], strict=True)
    ratios = [container / (command + engine) for container, command, engine in outside]
    return (
        [*((name, f"{size / 1e6:.2f} MB") for name, size in added.most_common()), ("together", f"{total:.2f} MB")],
        [(name, f"{median(seconds):.3f} s") for name, seconds in times.items()],
        [
            Target(f"MB that a base of Python {python} adds", total, LIMIT, "MB", at_most=True),
            Target.of_rounds("container to the command outside plus `true`", ratios, START, at_most=True),
            Target("digests of two builds on two storage roots", float(len(digests)), 1.0, "", at_most=True),
        ],
    )


def sum_sizes(files: Sequence[tuple[str, int]]) -> Counter[str]:
    """Return bytes by package; the standard library's bytecode and the rest are rows of their own."""
    total: Counter[str] = Counter()
    for path, size in files:
        name = "the rest"
        if path.startswith("/opt/ovenbird/site/"):
            name = path.split("/")[4].partition("-")[0].removesuffix(".py").lower()
        elif path.endswith(".pyc"):
            name = "bytecode of the standard library"
        total[{"_yaml": "yaml", "__pycache__": "typing_extensions"}.get(name, name)] += size
    return total


def measure_starts(base: Store, image: str, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each round, taken in turn; one round before does not count."""
    source = folder / "source"
    source.mkdir()
    (source / "main.py").write_text(_SOURCE)
    source.chmod(0o755)
    podman = ("podman", "run", "--rm", "--network", "host")
    mounted = ("--volume", f"{source}:/shared:ro")
    own = [sys.executable, "-m", "ovenbird", "serve", str(source / "main.py")]
    ways: dict[str, Callable[[], float]] = {
        "container": lambda: time_first_answer(
            lambda port: [*podman, *mounted, "--env", f"PORT={port}", image, "serve", "main.py"], base.environ
        ),
        "the same command outside": lambda: time_first_answer(lambda port: [*own, "--port", str(port)], base.environ),
        "podman run true": lambda: time_command([*podman, *mounted, "--entrypoint", "true", image], base.environ),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            seconds = way()
            if number:
                times[name].append(seconds)
    return times


def time_command(command: Sequence[str], environ: Mapping[str, str]) -> float:
    """Return seconds that a command takes. Errors: FailedError."""
    start = time.perf_counter()
    process = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if process.returncode:
        raise FailedError(f"{command[0]}: {process.stderr.strip()[-400:]}")
    return time.perf_counter() - start


def time_first_answer(command: Callable[[int], Sequence[str]], environ: Mapping[str, str]) -> float:
    """Return seconds from the start of a service to its first right answer, asked every 2 ms. Errors: FailedError."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    start = time.perf_counter()
    child = subprocess.Popen(
        command(port), env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while not is_answered(port):
            if child.poll() is not None or time.perf_counter() - start > PATIENCE:
                raise FailedError(f"{command(port)[0]}: no answer; status {child.poll()}")
            time.sleep(0.002)
        return time.perf_counter() - start
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)  # podman passes it on: the service drains, the container is removed
        child.wait()


def is_answered(port: int) -> bool:
    """Return whether a call of the function is answered rightly."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(
                b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 7\r\n"
                b'connection: close\r\n\r\n{"n":7}'
            )
            answer = b""
            while part := connection.recv(4096):
                answer += part
    except OSError:
        return False
    return answer.startswith(b"HTTP/1.1 200") and answer.endswith(b'{"n":7}')

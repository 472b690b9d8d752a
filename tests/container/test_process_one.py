"""As process 1: orphans are reaped, signals are heard, and a worker that takes all memory is replaced."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from tests.container.conftest import ONE, Mounted
from tests.engine import Images
from tests.podman import Container, Podman
from tests.service import wait_until

ORPHANS = """
    import os, subprocess

    def handler(count: int = 0):
        for _ in range(count):  # each shell ends at once, and leaves its child to process 1
            subprocess.run(["sh", "-c", "sleep 5 &"], check=True)
        return os.getpid()
"""
GREEDY = """
    import os

    held = []

    def handler(megabytes: int = 0):
        for _ in range(megabytes):
            held.append(b"x" * 2**20)
        return os.getpid()
"""
# of every process: number, parent, state, command line
LIST = """
import pathlib
for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
    try:
        number, _, rest = path.read_text().partition(" (")
        name, _, fields = rest.rpartition(") ")
        print(number, fields.split()[1], fields.split()[0], name)
    except OSError:
        pass
"""


def list_processes(container: Container, name: str) -> list[tuple[int, int, str]]:
    """Number, parent and state of the processes with a name."""
    rows = [line.split() for line in container.exec("python3", "-c", LIST).stdout.splitlines()]
    return [(int(row[0]), int(row[1]), row[2]) for row in rows if row[3] == name]


def test_orphans_are_reaped(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """Orphans of a function become children of process 1, and are reaped when they end."""
    service = podman.start(base_images[ONE], "serve", "main.py", flags=mount_sources({"main.py": ORPHANS})).wait_ready()
    worker = service.call({"count": 3}).json()
    assert worker != 1  # user code does not run in the process that reaps
    sleepers = list_processes(service, "sleep")
    assert [parent for _, parent, _ in sleepers] == [1, 1, 1]
    wait_until(
        lambda: not list_processes(service, "sleep"),
        lambda: f"still there: {list_processes(service, 'sleep')}",
        pause=0.2,
    )
    assert service.call({}).json() == worker
    assert service.stop() == 0


LEAVES = """
    import os, pathlib, subprocess, time

    def handler(end: str = ""):
        for _ in range(3):  # each shell ends at once, and leaves its child to process 1
            subprocess.run(["sh", "-c", "sleep 0.2 &"], check=True)
        if end == "killed":
            os.kill(os.getpid(), 9)
        for _ in range(600):
            time.sleep(0.05)
            stats = [path.read_text() for path in pathlib.Path("/proc").glob("[0-9]*/stat")]
            if not any("(sleep)" in text for text in stats):
                return os.getpid() != 1
        raise RuntimeError(str(stats))
"""


def test_orphans_of_a_job_are_reaped(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """No zombie is left while the job goes on; its result and its status are those of the container."""
    flags = mount_sources({"main.py": LEAVES})
    process = podman.run(base_images[ONE], "run", "main.py", flags=flags)
    assert (process.returncode, process.stdout.strip()) == (0, "true"), process.stderr
    process = podman.run(base_images[ONE], "run", "main.py", "--param", "end=killed", flags=flags)
    assert process.returncode == 137
    assert "the job was killed by SIGKILL" in process.stderr


def test_a_worker_killed_for_memory_is_replaced(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """The kernel kills one worker; the other serves meanwhile, the log has the reason, and a successor starts."""
    flags = ("--memory=300m", *mount_sources({"main.py": GREEDY}))
    service = podman.start(base_images[ONE], "serve", "main.py", "--workers=2", flags=flags).wait_ready()
    service.wait_log("2 workers are ready")
    with pytest.raises(httpx.RemoteProtocolError):
        service.call({"megabytes": 1000})
    assert isinstance(service.call({}).json(), int)
    service.wait_log("was killed by SIGKILL: out of memory; a new one starts")
    wait_until(
        lambda: service.log.count("2 workers are ready") == 2, lambda: f"no successor:\n{service.log}", pause=0.2
    )
    assert service.state["Status"] == "running"
    assert service.stop() == 0


def test_large_bodies_do_not_take_all_memory(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """Four bodies of 30 MiB in 256 MiB: each is answered 200 or 503 with `Retry-After`, and no worker is killed."""
    source = (
        "import os, time\ndef handler(data: str, seconds: float):\n    time.sleep(seconds)\n    return os.getpid()\n"
    )
    flags = ("--memory=256m", *mount_sources({"main.py": source}))
    service = podman.start(base_images[ONE], "serve", "main.py", flags=flags).wait_ready()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(service.call, [{"data": "x" * 30 * 2**20, "seconds": 2}] * 4))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 503)
    assert "was killed" not in service.log
    assert service.stop() == 0


def test_a_start_is_stopped(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """A signal while init runs ends the container at once: process 1 would ignore it by default."""
    flags = mount_sources({"main.py": "import time\ndef init():\n    time.sleep(60)\ndef handler(): ...\n"})
    service = podman.start(base_images[ONE], "serve", "main.py", flags=flags)
    wait_until(lambda: service.get("/_/ready").status_code == 503, lambda: service.log)
    start_time = time.monotonic()
    assert service.stop() == 143
    assert time.monotonic() - start_time < 20


def test_a_job_is_stopped(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """`podman stop` ends a job: its record has STOPPED, and its status is that of the signal."""
    source = "import time\ndef handler():\n    print('begun')\n    time.sleep(60)\n"
    job = podman.start(base_images[ONE], "run", "main.py", flags=mount_sources({"main.py": source}))
    job.wait_log("begun")
    assert job.stop() == 143
    assert "STOPPED" in job.log

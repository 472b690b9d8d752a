"""The process ends as `python main.py` would, and within seconds, whatever the user's code leaves behind."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from tests.jobs import Jobs
from tests.service import wait_until

LIMIT = 30.0  # seconds; each of these took minutes, or for ever

LEFT_OPEN = {
    "a process pool": (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "def handler():\n"
        "    global pool\n"
        "    pool = ProcessPoolExecutor(2)\n"
        "    return list(pool.map(abs, [-1, -2]))\n"
    ),
    "a thread pool": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def handler():\n"
        "    global pool\n"
        "    pool = ThreadPoolExecutor(2)\n"
        "    return list(pool.map(abs, [-1, -2]))\n"
    ),
    "joblib's workers": (
        "from joblib import Parallel, delayed\n"
        "def handler():\n"
        "    return Parallel(n_jobs=2)(delayed(abs)(n) for n in (-1, -2))\n"
    ),
    "a multiprocessing pool": (
        "import multiprocessing\n"
        "def handler():\n"
        "    global pool\n"
        "    pool = multiprocessing.get_context('fork').Pool(2)\n"
        "    return pool.map(abs, [-1, -2])\n"
    ),
    "a thread that sleeps": (
        "import threading, time\n"
        "def handler():\n"
        "    threading.Thread(target=time.sleep, args=(3600,)).start()\n"
        "    return [1, 2]\n"
    ),
    "a child that sleeps": (
        "import multiprocessing, time\n"
        "def handler():\n"
        "    multiprocessing.get_context('fork').Process(target=time.sleep, args=(3600,)).start()\n"
        "    return [1, 2]\n"
    ),
    "an exit function that sleeps": (
        "import atexit, time\n"
        "def handler():\n"
        "    atexit.register(time.sleep, 3600)\n"
        "    return [1, 2]\n"
    ),
    "an exit function that raises": (
        "import atexit\n"
        "def handler():\n"
        "    atexit.register(lambda: 1 / 0)\n"
        "    return [1, 2]\n"
    ),
}  # fmt: skip


def members(group: int) -> list[int]:
    """The processes of a group that still run."""
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                pids.append(int(entry.name))
    return pids


@pytest.mark.slow
@pytest.mark.parametrize("name", LEFT_OPEN)
def test_a_job_ends_whatever_is_left_open(jobs: Jobs, name: str) -> None:
    """The job ends within seconds with its record and status, and leaves no child process."""
    began = time.monotonic()
    process, wait = jobs.start("import os\nos.setpgid(0, 0)\n" + LEFT_OPEN[name])
    job = wait()
    assert (job.code, job.result["state"]) == (0, "COMPLETED")
    assert job.result["outputs"] or job.result["results"]
    assert time.monotonic() - began < LIMIT
    jobs.wait_until(lambda: not members(process.pid))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a process pool", "joblib's workers", "a thread that sleeps", "a child that sleeps"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_service_ends_whatever_is_left_open(serve: Any, name: str, workers: str) -> None:
    """The service ends soon after SIGTERM, with status 0."""
    service = serve(LEFT_OPEN[name], "--drain-delay", "0", "--grace", "5", "--workers", workers)
    wait_until(lambda: service.call({}).status_code == 200, lambda: "no answer")  # the other worker may be starting
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < LIMIT


@pytest.mark.slow
def test_threads_end_before_exit_functions(jobs: Jobs) -> None:
    """A thread is waited for, and what it prints is written: the order is the interpreter's own."""
    source = """
        import atexit, threading, time
        def work():
            time.sleep(0.5)
            print("thread")
        def handler():
            atexit.register(print, "exit function")
            threading.Thread(target=work).start()
    """
    jobs.write(source)
    process = jobs.start_ovenbird("run", "main.py")
    out, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    assert [line for line in out.splitlines() if line in ("thread", "exit function")] == ["thread", "exit function"]


@pytest.mark.slow
def test_what_does_not_end_is_named(jobs: Jobs) -> None:
    """The log says which thread was cut off."""
    source = """
        import threading, time
        def handler():
            threading.Thread(target=time.sleep, args=(3600,), name="my-uploader").start()
    """
    jobs.write(source)
    process = jobs.start_ovenbird("run", "main.py")
    _, err = process.communicate(timeout=LIMIT)
    assert "threads my-uploader did not end within 3 seconds" in err


@pytest.mark.slow
def test_ctrl_c_ends_the_wait(jobs: Jobs) -> None:
    """Who presses Ctrl-C while threads are waited for does not wait for the grace."""
    source = """
        import threading, time
        def handler():
            threading.Thread(target=time.sleep, args=(3600,)).start()
    """
    process, wait = jobs.start(source)
    jobs.wait_until(lambda: "COMPLETED" in "".join(row["state"] or "" for row in jobs.list_runs()))
    os.kill(process.pid, 2)
    assert wait().code in (0, 130)

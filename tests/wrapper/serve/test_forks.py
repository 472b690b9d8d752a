"""Children that a handler forks: they have nothing of the server's, and their end is not its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from tests.jobs import Jobs
from tests.raw import Raw, request

BODIES = {
    "terminate": (
        "    child = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))\n"
        "    child.start()\n    child.terminate()\n    child.join()\n    return child.exitcode\n",
        -15,
    ),
    "interrupt": (
        "    child = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))\n"
        "    child.start()\n    time.sleep(0.1)\n    os.kill(child.pid, 2)\n    child.join()\n"
        "    return child.exitcode != 0\n",
        True,
    ),
    "fork pool": (
        "    with multiprocessing.get_context('fork').Pool(2) as pool:\n        return pool.map(abs, [-1, -2])\n",
        [1, 2],
    ),
    "spawn pool": (
        "    with multiprocessing.get_context('spawn').Pool(2) as pool:\n        return pool.map(abs, [-1, -2])\n",
        [1, 2],
    ),
    "forkserver pool": (
        "    with multiprocessing.get_context('forkserver').Pool(2) as pool:\n        return pool.map(abs, [-1, -2])\n",
        [1, 2],
    ),
    "executor": (
        "    with ProcessPoolExecutor(2, multiprocessing.get_context('fork')) as pool:\n"
        "        return list(pool.map(abs, [-1, -2]))\n",
        [1, 2],
    ),
    "subprocess": ("    return subprocess.run(['echo', 'hi'], capture_output=True, text=True).stdout\n", "hi\n"),
    "subprocess that is ended": (
        "    child = subprocess.Popen(['sleep', '60'])\n    child.terminate()\n    return child.wait()\n",
        -15,
    ),
    "a fork that returns": (
        "    pid = os.fork()\n    if pid == 0:\n        return 'child'\n    return os.waitpid(pid, 0)[1]\n",
        0,
    ),
    "a fork that raises": (
        "    pid = os.fork()\n    if pid == 0:\n        raise ValueError\n"
        "    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n",
        1,
    ),
    "the handlers of a child": (
        "    reader, writer = os.pipe()\n    pid = os.fork()\n    if pid == 0:\n"
        "        names = [signal.getsignal(n) is signal.SIG_DFL for n in (signal.SIGTERM, signal.SIGHUP)]\n"
        "        os.write(writer, str([*names, signal.set_wakeup_fd(-1)]).encode())\n        os._exit(0)\n"
        "    os.waitpid(pid, 0)\n    return os.read(reader, 100).decode()\n",
        "[True, True, -1]",
    ),
}
IMPORTS = "import multiprocessing, os, signal, subprocess, time\nfrom concurrent.futures import ProcessPoolExecutor\n"


@pytest.fixture(autouse=True)
def hangup() -> None:
    """A test run under `nohup` has SIGHUP ignored, which all that it starts inherits."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_children_of_a_service(serve: Any, kind: str, workers: str) -> None:
    """Each way to start a child has its right result, and the service continues and ends well."""
    names = {name: f"do_{number}" for number, name in enumerate(BODIES)}
    source = IMPORTS + "".join(f"def {names[name]}():\n{body}" for name, (body, _) in BODIES.items())
    source += f"{kind} handler(name: str):\n    return {{'result': globals()[name]()}}\n"
    service = serve(source, "--workers", workers, "--drain-delay", "0", "--grace", "5")
    for name, (_, expected) in BODIES.items():
        assert service.call({"name": names[name]}).json() == {"result": expected}, name
        assert service.get("/_/ready").status_code == 200, name
    assert service.stop() == 0
    assert "draining" in service.log


def test_a_child_holds_neither_port_nor_connection(serve: Any) -> None:
    """The port is free as soon as the service has ended, and a closed connection ends, while a child lives on."""
    source = IMPORTS + (
        "def handler():\n"
        "    child = subprocess.Popen(['true'])\n    child.wait()\n"
        "    pid = os.fork()\n    if pid == 0:\n        time.sleep(30)\n        os._exit(0)\n    return pid\n"
    )
    service = serve(source, "--drain-delay", "0", "--grace", "1")
    with Raw(service) as client:
        client.send(request(b"{}", connection="close"))
        assert client.answer().status == 200
        began = time.monotonic()
        assert client.ended()
        assert time.monotonic() - began < 10
    assert service.stop() == 0
    again = serve("def handler():\n    return 1\n", "--port", service.url.rpartition(":")[2])
    assert again.get().json() == 1


TWO_FORKS = """
import os, signal, threading
from ovenbird.common.fork_guard import guard_forks

holds, forked = threading.Event(), threading.Event()

def hold():  # called after the guard has blocked its signals
    if threading.current_thread().name == "first":
        holds.wait()
    else:
        holds.set()
        forked.wait()

os.register_at_fork(before=hold)
guard_forks()

def fork():
    own = {signal.SIGUSR1} if threading.current_thread().name == "first" else {signal.SIGUSR2}
    signal.pthread_sigmask(signal.SIG_SETMASK, own)
    if os.fork() == 0:
        os._exit(0 if signal.pthread_sigmask(signal.SIG_BLOCK, ()) == own else 1)
    print(signal.pthread_sigmask(signal.SIG_BLOCK, ()) == own, os.waitstatus_to_exitcode(os.wait()[1]))
    forked.set()

threads = [threading.Thread(target=fork, name=name) for name in ("first", "second")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_that_fork_at_the_same_time_keep_their_signal_masks() -> None:
    """Each thread has the same signals blocked as before, and so has its child."""
    command = [sys.executable, "-W", "ignore", "-c", TWO_FORKS]
    process = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (process.stdout, process.stderr) == ("True 0\nTrue 0\n", "")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_children_of_a_job(jobs: Jobs, kind: str) -> None:
    """The run is the parent's: a child that leaves the function records nothing, one that is ended prints nothing."""
    names = {name: f"do_{number}" for number, name in enumerate(BODIES)}
    source = IMPORTS + "".join(f"def {names[name]}():\n{body}" for name, (body, _) in BODIES.items())
    source += (
        f"{kind} handler():\n    return {{'results': [" + ", ".join(f"{name}()" for name in names.values()) + "]}\n"
    )
    job = jobs.run(source)
    assert (job.code, job.result["state"]) == (0, "COMPLETED"), job.err
    # of the child that got a Ctrl-C of its own, of the one that raises, and of the one that raises in the other child
    assert job.err.count("Traceback") == 3
    assert job.result["results"]["output_0"]["results"] == [expected for _, expected in BODIES.values()]
    assert len(jobs.list_runs()) == 1
    assert jobs.list_runs()[0]["state"] == "COMPLETED"

"""Preload: one process imports the user's module, and forks the workers and their successors."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.service import Service, wait_until

pytestmark = pytest.mark.slow
Serve = Callable[..., Service]
COUNTS = """
import os
def write(name):
    with open(name, "a") as file:
        file.write(f"{os.getpid()}\\n")
write("imported")
def init():
    write("started")
def handler():
    return os.getpid()
"""


def read_pids(folder: Path, name: str) -> list[int]:
    """Return the processes that have written their numbers to a file, in order."""
    path = folder / name
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def wait_for_workers(service: Service, count: int, times: int = 1) -> None:
    """Wait until all workers were ready so many times."""
    text = f"{count} workers are ready"
    wait_until(lambda: service.log.count(text) >= times, lambda: service.log, service)


def is_alive(pid: int) -> bool:
    """Return whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def ask_all(service: Service, count: int) -> list[object]:
    """Return an answer of each of `count` workers, which answer with their number first."""
    answers: dict[int, object] = {}
    end = time.monotonic() + 60
    while len(answers) < count and time.monotonic() < end:
        pid, value = service.call({}).json()
        answers[pid] = value
    assert len(answers) == count, service.log[-2000:]
    return list(answers.values())


def test_one_import_for_all_workers(serve: Serve, tmp_path: Path) -> None:
    """The module is imported in a process of its own; each worker calls init, and is a child of the first process."""
    service = serve(COUNTS, "--workers", "4", "--drain-delay", "0")
    wait_for_workers(service, 4)
    (template,) = read_pids(tmp_path, "imported")
    workers = read_pids(tmp_path, "started")
    assert len(set(workers)) == 4
    for pid in (template, *workers):
        assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1] == str(service.process.pid)
    assert {service.call({}).json() for _ in range(8)} <= set(workers)
    assert service.stop() == 0
    assert not any(map(is_alive, (template, *workers)))
    assert "served without preload" not in service.log


@pytest.mark.parametrize(("flags", "count"), [(("--workers", "1", "--preload", "import"), 1), (("--workers", "1"), 0)])
def test_one_worker_is_forked_only_when_asked(serve: Serve, tmp_path: Path, flags: tuple[str, ...], count: int) -> None:
    """With one worker there is nothing to share, but its successors are quick if `--preload import` says so."""
    service = serve(COUNTS, *flags, "--drain-delay", "0").wait_ready()
    assert (service.call({}).json() != read_pids(tmp_path, "imported")[0]) == bool(count)
    assert service.stop() == 0


def test_successors_are_forked_too(serve: Serve, tmp_path: Path) -> None:
    """A worker that is killed, is told to end, or has served its share is replaced without a further import."""
    service = serve(COUNTS, "--workers", "2", "--drain-delay", "0", "--max-requests", "30")
    wait_for_workers(service, 2)
    first, second = read_pids(tmp_path, "started")
    os.kill(first, signal.SIGKILL)
    wait_for_workers(service, 2, times=2)
    assert "was killed by SIGKILL; a new one starts" in service.log
    os.kill(second, signal.SIGTERM)
    wait_for_workers(service, 2, times=3)
    while len(read_pids(tmp_path, "started")) < 6:
        assert service.call({}).status_code == 200
    assert len(read_pids(tmp_path, "imported")) == 1
    assert service.stop() == 0


def test_sighup_imports_anew(serve: Serve, tmp_path: Path) -> None:
    """A new template imports what was edited; the former one ends with its last worker."""
    service = serve("def handler(): return 'old'\n" + COUNTS.replace("def handler", "def pid"), "--workers", "2",
                    "--drain-delay", "0")  # fmt: skip
    wait_for_workers(service, 2)
    (tmp_path / "main.py").write_text("def handler(): return 'new'\n" + COUNTS.replace("def handler", "def pid"))
    service.send(signal.SIGHUP)
    wait_for_workers(service, 2, times=2)
    wait_until(lambda: service.call({}).text == "new", lambda: service.log, service)
    former, current = read_pids(tmp_path, "imported")
    wait_until(lambda: not is_alive(former), lambda: service.log, service)
    assert is_alive(current)
    assert len(read_pids(tmp_path, "started")) == 4
    assert service.stop() == 0


def test_a_new_template_that_fails_leaves_the_former_one(serve: Serve, tmp_path: Path) -> None:
    """After a SIGHUP that meets broken code the old workers serve, and their successors are forked of the old code."""
    service = serve(COUNTS, "--workers", "2", "--drain-delay", "0")
    wait_for_workers(service, 2)
    (tmp_path / "main.py").write_text("def handler(:\n")
    service.send(signal.SIGHUP)
    service.wait_log("the workers of the former one serve on")
    assert any(record.get("code") == "load.module_failed" for record in service.records)
    os.kill(read_pids(tmp_path, "started")[0], signal.SIGKILL)
    wait_for_workers(service, 2, times=2)
    assert {service.call({}).status_code for _ in range(6)} == {200}
    assert len(read_pids(tmp_path, "imported")) == 1
    (tmp_path / "main.py").write_text(COUNTS)
    service.send(signal.SIGHUP)
    wait_for_workers(service, 2, times=3)
    assert len(read_pids(tmp_path, "imported")) == 2
    assert service.stop() == 0


def test_an_edit_is_served_by_forks(serve: Serve, tmp_path: Path) -> None:
    """With --reload and several workers: an edit, one that is broken, and one that mends it."""
    service = serve(COUNTS, "--workers", "2", "--reload", "--drain-delay", "0")
    wait_for_workers(service, 2)
    (tmp_path / "main.py").write_text(f"{COUNTS}\ndef handler(): return 'edited'\n")
    wait_until(lambda: service.call({}).text == "edited", lambda: service.log, service)
    (tmp_path / "main.py").write_text("def handler(:\n")
    service.wait_log("waiting for a change")
    assert service.call({}).text == "edited"
    (tmp_path / "main.py").write_text(f"{COUNTS}\ndef handler(): return 'mended'\n")
    wait_until(lambda: service.call({}).text == "mended", lambda: service.log, service)
    assert len(read_pids(tmp_path, "imported")) == 3
    assert service.stop() == 0


INIT = """
import os
events = []
def init(context, size: int = 1):
    events.append(f"init {size}")
    context.model = [os.getpid()] * size
    context.starter = os.getpid()
def after_fork(context):
    events.append(f"after_fork {context.worker_id}")
    context.connection = os.getpid()
def handler(context):
    return [os.getpid(), [events, context.model, context.starter, context.connection, context.worker_id]]
"""


def test_init_runs_once_in_the_template(serve: Serve) -> None:
    """--preload init: init in the template, with its parameters, then after_fork in each worker with the context."""
    service = serve(INIT, "--workers", "2", "--preload", "init", "--init", "size=2", "--drain-delay", "0")
    wait_for_workers(service, 2)
    answers = ask_all(service, 2)
    starters = {answer[2] for answer in answers}  # type: ignore[index]
    assert len(starters) == 1
    assert sorted(answer[0] for answer in answers) == [  # type: ignore[index]
        ["init 2", "after_fork 0"], ["init 2", "after_fork 1"],
    ]  # fmt: skip
    assert all(answer[1] == [answer[2]] * 2 != [answer[3]] * 2 for answer in answers)  # type: ignore[index]
    assert service.stop() == 0


@pytest.mark.parametrize("flags", [("--preload", "import"), ("--preload", "off")])
def test_after_fork_is_of_init_mode_only(serve: Serve, flags: tuple[str, ...]) -> None:
    """Elsewhere a function of that name is the user's own, and init runs in each worker."""
    source = INIT.replace("context.connection, ", "")
    service = serve(source, "--workers", "2", "--drain-delay", "0", *flags)
    wait_for_workers(service, 2)
    assert [answer[0] for answer in ask_all(service, 2)] == [["init 1"]] * 2  # type: ignore[index]
    assert service.stop() == 0


OBJECT = """
import os
class handler:
    def __init__(self, size: int):
        self.made, self.size = os.getpid(), size
    async def after_fork(self, context):
        self.forked = os.getpid()
    def __call__(self):
        return [os.getpid(), [self.made, self.size, self.forked]]
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_object_is_made_once(serve: Serve, workers: str) -> None:
    """A class is constructed in the template; its after_fork may be async, and runs where its process serves."""
    flags = ("--workers", workers, "--preload", "init", "--init", "size=3", "--drain-delay", "0")
    service = serve(OBJECT, *flags)
    answers = ask_all(service, int(workers))
    assert len({answer[0] for answer in answers}) == 1  # type: ignore[index]
    assert all(answer[1] == 3 and answer[2] != answer[0] for answer in answers)  # type: ignore[index]
    assert service.stop() == 0


def test_an_async_init_stays_with_the_worker(serve: Serve) -> None:
    """What it opens belongs to the event loop that serves: the log says so, and each worker calls it."""
    source = INIT.replace("def init", "async def init")
    service = serve(source, "--workers", "2", "--preload", "init", "--drain-delay", "0")
    wait_for_workers(service, 2)
    assert all(answer[2] == answer[3] for answer in ask_all(service, 2))  # type: ignore[index]
    assert "init of handler is async: it runs in each worker" in service.log
    assert service.stop() == 0


@pytest.mark.parametrize(
    ("source", "flags", "text"),
    [
        ("def init():\n    raise ValueError('no model')\n", (), "init of handler raised ValueError: no model"),
        (
            "import time\ndef init():\n    time.sleep(60)\n",
            ("--init-timeout", "300ms"),
            "did not finish within 0.3 sec",
        ),
        ("import asyncio\ndef init():\n    return asyncio.sleep(0)\n", (), "needs an event loop"),
        ("def init(size):\n    pass\n", (), "the parameters of init do not fit"),
        ("def after_fork(size):\n    pass\n", (), "the parameters of after_fork do not fit"),
    ],
)
def test_an_init_that_fails_in_the_template(serve: Serve, source: str, flags: tuple[str, ...], text: str) -> None:
    """The service ends with the status of a failed init, and says once what was wrong."""
    source += "def handler():\n    return 1\n"
    service = serve(source, "--workers", "2", "--preload", "init", *flags, ready=False)
    assert service.wait() == 73
    assert text in service.log


UNSAFE = {
    "thread": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), name='poller', daemon=True).start()",
        "the thread `poller`",
    ),
    "thread that keeps a process": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), name='keeper').start()",
        "the thread `keeper`",
    ),
    "listening socket": (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))",
        "a socket at 127.0.0.1:",
    ),
    "child process": ("import subprocess\nchild = subprocess.Popen(['sleep', '60'])", "the child process"),
    "event loop": ("import asyncio\nloop = asyncio.new_event_loop()", "an event loop"),
    "GPU": (
        "import sys, types\nsys.modules['torch'] = types.SimpleNamespace(\n"
        "    cuda=types.SimpleNamespace(is_initialized=lambda: True))",
        "CUDA, initialised by `torch`",
    ),
    "database": (
        "import sqlite3\nbase = sqlite3.connect('base.db', check_same_thread=False)\n"
        "base.execute('create table if not exists t (x)')\nbase.commit()",
        "the SQLite database",
    ),
}


@pytest.mark.parametrize("kind", UNSAFE)
def test_a_module_that_cannot_be_shared(serve: Serve, tmp_path: Path, kind: str) -> None:
    """It is told by name, and each worker imports it; nothing of the process that looked is left."""
    source, name = UNSAFE[kind]
    service = serve(f"{COUNTS}\n{source}\n", "--workers", "2", "--drain-delay", "0", ready=False)
    wait_for_workers(service, 2)
    service.url = service.log.partition("is served at ")[2].partition('"')[0]  # the module may have a port too
    assert "served without preload: a fork after the import of the function is not safe" in service.log
    assert name in service.log
    template, *workers = read_pids(tmp_path, "imported")
    assert sorted(workers) == sorted(read_pids(tmp_path, "started"))
    assert not is_alive(template)
    assert service.call({}).json() in workers
    os.kill(workers[0], signal.SIGKILL)
    wait_for_workers(service, 2, times=2)
    assert len(read_pids(tmp_path, "imported")) == 4
    service.send(signal.SIGKILL)


def test_polars_that_was_used_is_not_shared(serve: Serve) -> None:
    """A table that polars makes at import would hang in a forked worker: the workers import it, and answer."""
    source = (
        "import polars\ntable = polars.DataFrame({'a': [1, 2]}).lazy().group_by('a').agg(polars.len()).collect()\n"
        "def handler():\n    return table.lazy().group_by('len').agg(polars.sum('a')).collect()['a'][0]\n"
    )
    service = serve(source, "--workers", "2", "--drain-delay", "0")
    wait_for_workers(service, 2)
    assert "of _polars_runtime" in service.log
    assert service.call({}).json() == 3
    assert service.stop() == 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("time.sleep(600)", "ended with status 73"),
        ("ctypes.PyDLL(None).sleep(600)", "is not ready after"),  # keeps the interpreter's lock
        ("os.abort()", "was killed by SIGABRT"),
    ],
    ids=["waits", "stands still", "crashes"],
)
def test_a_module_that_hangs_in_a_fork(serve: Serve, tmp_path: Path, body: str, reason: str) -> None:
    """What nobody sees before: a worker that does not start although its template is fine makes all import it."""
    source = f"{COUNTS}\nimport ctypes, time\nowner = os.getpid()\n"
    source += f"def init():\n    write('started')\n    if owner != os.getpid():\n        {body}\n"
    service = serve(source, "--workers", "2", "--init-timeout", "1s", "--drain-delay", "0", ready=False)
    wait_for_workers(service, 2)
    assert "served without preload: worker" in service.log
    assert reason in service.log
    service.wait_open()
    assert service.call({}).json() in read_pids(tmp_path, "imported")[1:]
    assert service.stop() == 0


def test_a_template_that_hangs_when_it_forks(serve: Serve, tmp_path: Path) -> None:
    """A library's own handler of forks may never return: the template is killed, and the workers import the module."""
    source = (
        f"{COUNTS}\nimport time\nowner = os.getpid()\nos.register_at_fork(after_in_child=lambda: time.sleep(600))\n"
    )
    service = serve(source, "--workers", "2", "--drain-delay", "0", ready=False)
    wait_for_workers(service, 2)
    assert "served without preload: the template did not answer" in service.log
    assert not is_alive(read_pids(tmp_path, "imported")[0])
    assert service.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_template_that_is_killed(serve: Serve, tmp_path: Path, number: int) -> None:
    """Its workers serve on, a new one takes its place, and forks their successors."""
    service = serve(COUNTS, "--workers", "2", "--drain-delay", "0")
    wait_for_workers(service, 2)
    workers = read_pids(tmp_path, "started")
    os.kill(read_pids(tmp_path, "imported")[0], number)
    service.wait_log(f"was killed by {signal.Signals(number).name}; a new one starts")
    assert service.call({}).json() in workers
    wait_until(lambda: len(read_pids(tmp_path, "imported")) == 2, lambda: service.log, service)
    os.kill(workers[0], signal.SIGKILL)
    wait_for_workers(service, 2, times=2)
    assert len(read_pids(tmp_path, "imported")) == 2
    assert workers[1] in read_pids(tmp_path, "started")
    assert is_alive(workers[1])
    assert service.stop() == 0


def test_a_worker_and_its_template_that_are_killed_at_once(serve: Serve, tmp_path: Path) -> None:
    """The worker's successor waits for the new template."""
    service = serve(COUNTS, "--workers", "2", "--drain-delay", "0")
    wait_for_workers(service, 2)
    for pid in (read_pids(tmp_path, "imported")[0], read_pids(tmp_path, "started")[0]):
        os.kill(pid, signal.SIGKILL)
    wait_for_workers(service, 2, times=2)
    assert service.call({}).status_code == 200
    assert len(read_pids(tmp_path, "imported")) == 2
    assert service.stop() == 0


@pytest.mark.parametrize(
    ("number", "target", "status"),
    [
        (signal.SIGTERM, "service", 143),
        (signal.SIGINT, "service", 130),
        (signal.SIGKILL, "template", 137),
        (signal.SIGSEGV, "template", 139),
    ],
)
def test_an_end_while_the_module_is_imported(
    serve: Serve, tmp_path: Path, number: int, target: str, status: int
) -> None:
    """A signal to the service ends it at once; a template that is killed ends a service that was never ready."""
    service = serve(f"{COUNTS}\nimport time\ntime.sleep(600)\n", "--workers", "2", ready=False)
    wait_until(lambda: read_pids(tmp_path, "imported"), lambda: service.log, service)
    template = read_pids(tmp_path, "imported")[0]
    os.kill(service.process.pid if target == "service" else template, number)
    assert service.wait() == status
    assert not is_alive(template)
    assert ("before it was ready" in service.log) == (target == "template")


def test_the_template_ends_with_its_parent(serve: Serve, tmp_path: Path) -> None:
    """SIGKILL of the parent: the workers drain, and the template has nothing to wait for."""
    service = serve(COUNTS, "--workers", "2", "--drain-delay", "0")
    wait_for_workers(service, 2)
    service.send(signal.SIGKILL)
    pids = [*read_pids(tmp_path, "imported"), *read_pids(tmp_path, "started")]
    wait_until(lambda: not any(map(is_alive, pids)), lambda: service.log)


def test_a_module_that_ignores_the_end_of_children(serve: Serve, tmp_path: Path) -> None:
    """With SIGCHLD ignored, the kernel reaps the child through which a worker is forked: the worker is known."""
    source = f"{COUNTS}\nimport signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
    service = serve(source, "--workers", "2", "--drain-delay", "0")
    wait_for_workers(service, 2)
    assert len(read_pids(tmp_path, "imported")) == 1
    assert "could not be forked" not in service.log
    assert service.stop() == 0


def test_random_numbers_differ(serve: Serve) -> None:
    """Workers that share a module do not share its random numbers, though it has seeded them."""
    source = (
        "import os, random, numpy.random\nrandom.seed(1)\nnumpy.random.seed(1)\n"
        "numbers = []\ndef init():\n    numbers.extend([random.random(), float(numpy.random.rand())])\n"
        "def handler():\n    return [os.getpid(), numbers]\n"
    )
    service = serve(source, "--workers", "3", "--drain-delay", "0")
    wait_for_workers(service, 3)
    answers = ask_all(service, 3)
    assert len({answer[0] for answer in answers}) == len({answer[1] for answer in answers}) == 3  # type: ignore[index]
    assert service.stop() == 0


def test_a_folder_of_the_module_outlives_a_worker(serve: Serve, tmp_path: Path) -> None:
    """A temporary folder that the module has made is there for all workers, until the service ends."""
    source = f"{COUNTS}\nimport tempfile\nfolder = tempfile.TemporaryDirectory()\ndef handler():\n"
    source += "    return [os.getpid(), [folder.name, os.path.isdir(folder.name)]]\n"
    service = serve(source, "--workers", "2", "--drain-delay", "0")
    wait_for_workers(service, 2)
    os.kill(read_pids(tmp_path, "started")[0], signal.SIGTERM)
    wait_for_workers(service, 2, times=2)
    answers = ask_all(service, 2)
    assert all(answer[1] for answer in answers)  # type: ignore[index]
    assert service.stop() == 0
    assert not Path(answers[0][0]).exists()  # type: ignore[index]


def test_the_memory_of_all_is_measured(serve: Serve, tmp_path: Path) -> None:
    """Metrics have the share of each worker and of the template; without one there is no such line."""
    source = f"{COUNTS}\nblob = b'x' * 40_000_000\n"
    service = serve(source, "--workers", "4", "--drain-delay", "0")
    wait_for_workers(service, 4)
    metrics = service.metrics()
    shares = [value for name, value in metrics.items() if name.startswith("ovenbird_worker_proportional_memory_bytes")]
    assert len(shares) == 4
    assert all(2_000_000 < share < 40_000_000 for share in shares)
    template = read_pids(tmp_path, "imported")[0]
    (line,) = [line for line in Path(f"/proc/{template}/smaps_rollup").read_text().splitlines() if line[:4] == "Pss:"]
    assert metrics["ovenbird_template_proportional_memory_bytes"] == pytest.approx(int(line.split()[1]) * 1024, rel=0.3)
    assert service.stop() == 0
    service = serve(source, "--workers", "2", "--preload", "off", "--drain-delay", "0")
    wait_for_workers(service, 2)
    assert "ovenbird_template_proportional_memory_bytes" not in service.metrics()
    assert service.stop() == 0


def test_ready_when_all_workers_are(serve: Serve, tmp_path: Path) -> None:
    """While a worker that is reached already has not finished its init, no worker says that the service is ready."""
    source = f"{COUNTS}\nimport time\ndef init(context):\n    write('started')\n"
    source += "    while context.worker_id and not os.path.exists('go'):\n        time.sleep(0.01)\n"
    service = serve(source, "--workers", "2", "--drain-delay", "0", ready=False)
    service.wait_log("is served at")
    service.wait_open()
    wait_until(lambda: len(read_pids(tmp_path, "started")) == 2, lambda: "a worker has not begun its init")
    answers = [service.get("/_/ready") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {503}
    assert "init of another worker has not finished" in {answer.json()["reason"] for answer in answers}
    (tmp_path / "go").touch()
    wait_for_workers(service, 2)
    assert {service.get("/_/ready").status_code for _ in range(20)} == {200}
    assert service.stop() == 0

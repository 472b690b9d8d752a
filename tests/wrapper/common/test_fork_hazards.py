"""What makes a fork unsafe is told in words; what is measured to be safe is not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

LOOK = """
from pathlib import Path
from ovenbird.common.fork_template import load_for_forks
def load():
    exec(Path("loaded.py").read_text(), globals())
    return 7
result, hazards = load_for_forks(load)
assert result == 7
print(*hazards, sep="\\n")
"""


def find_hazards(folder: Path, source: str) -> list[str]:
    """Return what a process of its own has that makes its forks unsafe, after it has run `source`."""
    (folder / "loaded.py").write_text(source)
    (folder / "look.py").write_text(LOOK)
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "look.py"], cwd=folder, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return process.stdout.split("\n")[:-1] if process.stdout.strip() else []


UNSAFE = {
    "thread": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), name='poller', daemon=True).start()",
        r"the thread `poller`",
    ),
    "executor": (
        "import concurrent.futures as f\npool = f.ThreadPoolExecutor(1, 'mine')\npool.submit(int).result()",
        r"the thread `mine_0`",
    ),
    "thread without an object": (
        "import _thread, time\n_thread.start_new_thread(time.sleep, (60,))\ntime.sleep(0.1)",
        r"a thread `python[\d.]*` of (lib)?python\S+",
    ),
    "listening socket": (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))",
        r"a socket at 127\.0\.0\.1:\d+",
    ),
    "connection": (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\nport = server.getsockname()[1]\n"
        "client = socket.create_connection(('127.0.0.1', port))\naccepted = server.accept()",
        r"a connection to 127\.0\.0\.1:\d+",
    ),
    "local socket": (
        "import socket\nserver = socket.socket(socket.AF_UNIX)\nserver.bind('here')",
        r"a socket at `here`",
    ),
    "unbound socket": ("import socket\nserver = socket.socket(socket.AF_UNIX)", r"a socket"),
    "SQLite": (
        "import sqlite3\nbase = sqlite3.connect('base.db')\nbase.execute('create table t (x)')\nbase.commit()",
        r"the SQLite database `.*/base\.db`",
    ),
    "child process": (
        "import subprocess\nchild = subprocess.Popen(['sleep', '5'], stdout=-3, stderr=-3)",
        r"the child process \d+ \(`sleep`\)",
    ),
    "event loop": ("import asyncio\nloop = asyncio.new_event_loop()", r"an event loop"),
    "event loop of uvloop": ("import uvloop\nloop = uvloop.new_event_loop()", r"an event loop"),
    "CUDA": (
        "import sys, types\nsys.modules['torch'] = types.SimpleNamespace(\n"
        "    cuda=types.SimpleNamespace(is_initialized=lambda: True))",
        r"CUDA, initialised by `torch`",
    ),
    "polars, used": (
        "import polars\npolars.DataFrame({'a': [1, 2]}).lazy().group_by('a').agg(polars.len()).collect()",
        r"(a thread|\d threads) `polars-\d+`( of _polars_runtime\S*)?",
    ),
    "OpenMP, used": (
        "import os\nos.environ['OMP_NUM_THREADS'] = '2'\nimport numpy, sklearn.cluster\n"
        "sklearn.cluster.KMeans(2, n_init=1).fit(numpy.random.rand(9000, 3))",
        r"a thread `python[\d.]*` of libgomp\S*",
    ),
}
SAFE = {
    "nothing": "",
    "numpy": "import numpy\nnumpy.ones((300, 300)) @ numpy.ones((300, 300))",
    "scikit-learn": "import pandas, sklearn.ensemble",
    "pyarrow": "import pyarrow.dataset, pyarrow.parquet",
    "pyarrow, used": "import pyarrow as a\na.table({'a': list(range(9999))}).group_by('a').aggregate([])",
    "polars": "import polars",
    "files": "import tempfile\nfile = tempfile.TemporaryFile()\nfile.write(b'x')\nlog = open('log', 'a')",
    "an event loop that has ended": "import asyncio\nasyncio.run(asyncio.sleep(0))",
    "a thread that has ended": "import threading\nt = threading.Thread(target=int)\nt.start()\nt.join()",
    "a child that has ended": "import subprocess, time\nchild = subprocess.Popen(['true'])\ntime.sleep(0.3)",
    "torch without a GPU": (
        "import sys, types\nsys.modules['torch'] = types.SimpleNamespace(\n"
        "    cuda=types.SimpleNamespace(is_initialized=lambda: False))"
    ),
    "OpenTelemetry": (
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter\n"
        "provider = TracerProvider()\nprovider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))"
    ),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if "used" in name else name for name in UNSAFE]
)
def test_what_makes_a_fork_unsafe_is_named(tmp_path: Path, name: str) -> None:
    """Threads, sockets, databases, children, event loops and GPUs that importing left, each by its own name."""
    source, expected = UNSAFE[name]
    hazards = find_hazards(tmp_path, source)
    assert any(re.fullmatch(expected, hazard) for hazard in hazards), hazards


@pytest.mark.slow
@pytest.mark.parametrize("name", SAFE)
def test_what_is_safe_is_not_named(tmp_path: Path, name: str) -> None:
    """Pools of libraries that prepare themselves for forks, plain files, and what has ended by itself."""
    assert find_hazards(tmp_path, SAFE[name]) == []


def test_what_was_there_before_is_not_named(tmp_path: Path) -> None:
    """Only what `load` opens counts: the process's own sockets and threads are known to whoever forks it."""
    source = "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n" + LOOK
    (tmp_path / "loaded.py").write_text("")
    process = subprocess.run(
        [sys.executable, "-c", source], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert process.stdout.strip() == ""

"""A process that is forked from: its children share what it has loaded, and have their own of what must differ."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FORK = """
from pathlib import Path
import os
from ovenbird.common.fork_template import fork_child, load_for_forks
def load():
    exec(Path("loaded.py").read_text(), globals())
_, hazards = load_for_forks(load)
assert not hazards, hazards
def run_child():
    reader, writer = os.pipe()
    pid = fork_child()
    if pid == 0:
        try:
            os.write(writer, repr(child()).encode())
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            from ovenbird.common.process_exit import end_process
            end_process(0)
    os.close(writer)
    with open(reader) as stream:
        text = stream.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return text
"""


def run(folder: Path, source: str, last: str) -> str:
    """Load `source` in a process of its own, run `last` there, and return what it prints."""
    (folder / "loaded.py").write_text(source)
    process = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", FORK + last], cwd=folder, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (process.returncode, process.stderr) == (0, ""), process.stderr
    return process.stdout


@pytest.mark.parametrize(
    "source",
    [
        "import random\nrandom.seed(1)\ndef child(): return random.random()",
        "import numpy, numpy.random\nnumpy.random.seed(1)\ndef child(): return numpy.random.rand()",
        "import sys, types, itertools\nseeds = []\ndef seed(): seeds.append(os.getpid())\n"
        "sys.modules['torch'] = types.SimpleNamespace(seed=seed)\ndef child(): return seeds",
        "import tempfile\ntempfile.mkdtemp()\ndef child(): return tempfile.mkdtemp()",
        "from ovenbird.common.temporary_folders import make_temporary_folder as make\nmake()\n"
        "def child(): return make().parent.exists() and str(make().parent)",
    ],
    ids=["random", "numpy", "torch", "names of temporary files", "temporary folders"],
)
def test_children_differ(tmp_path: Path, source: str) -> None:
    """Each child has random numbers and temporary folders of its own, whatever the module has seeded."""
    texts = run(tmp_path, source, "print(run_child(), run_child(), run_child())").split()
    assert len(set(texts)) == 3
    assert not any("Error" in text for text in texts)


def test_a_child_leaves_the_folder_of_its_module(tmp_path: Path) -> None:
    """A child that ends does not remove the folder that a module has made for all; their parent does."""
    source = "import tempfile\nfolder = tempfile.TemporaryDirectory()\ndef child(): return os.path.isdir(folder.name)"
    printed = run(tmp_path, source, "print(run_child(), run_child(), folder.name)").split()
    assert printed[:2] == ["True", "True"]
    assert not Path(printed[2]).exists()


def test_text_in_a_buffer_is_written_once(tmp_path: Path) -> None:
    """What the module has printed to a pipe is not printed again by its children."""
    source = "print('loaded', end=' ')\ndef child(): return 'child'"
    assert run(tmp_path, source, "print(run_child(), run_child())") == "loaded 'child' 'child'\n"


def test_a_child_keeps_what_a_guarded_fork_loses(tmp_path: Path) -> None:
    """The guard is for forks of the user's code: they are children of it, and lose the port; ours does neither."""
    source = """
from ovenbird.common import fork_guard
import signal, socket
server = None
def child():
    own = (fork_guard.in_child, server.getsockname()[1] > 0, signal.getsignal(signal.SIGTERM) is handle)
    fork_guard.guard_forks(lambda: [server.fileno()])
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writer, repr((fork_guard.in_child, os.fstat(server.fileno()).st_rdev > 0,
                               signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    return own, os.read(reader, 99).decode(), signal.pthread_sigmask(signal.SIG_BLOCK, ())
def handle(*_): pass
"""
    last = """
server = socket.create_server(("127.0.0.1", 0))
signal.signal(signal.SIGTERM, handle)
fork_guard.guard_forks(lambda: [server.fileno()])
print(run_child())
"""
    assert run(tmp_path, source, last) == "((False, True, True), '(True, True, True)', set())\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        "import numpy\nnumpy.ones((500, 500)) @ numpy.ones((500, 500))\n"
        "def child(): return float((numpy.ones((500, 500)) @ numpy.ones((500, 500)))[0, 0])",
        "import pandas, sklearn.cluster, numpy\n"
        "def child():\n"
        "    labels = sklearn.cluster.KMeans(2, n_init=1).fit_predict(numpy.repeat([[0.0], [9.0]], 250, 0))\n"
        "    return float(len(set(labels)) * 250)",
        "import pyarrow as a, pyarrow.compute\n"
        "def use(): return float(a.table({'a': [1] * 500})"
        ".group_by('a').aggregate([('a', 'sum')])['a_sum'][0].as_py())\n"
        "use()\ndef child(): return use()",
        "import polars\n"
        "def child():\n"
        "    return float(polars.DataFrame({'a': [1] * 500}).lazy().select(polars.sum('a')).collect()['a'][0])",
    ],
    ids=["numpy, used", "scikit-learn", "pyarrow, used", "polars"],
)
def test_libraries_work_in_a_child(tmp_path: Path, source: str) -> None:
    """What counts as safe is: a child computes with libraries that its parent has imported, or used."""
    assert run(tmp_path, source, "print(run_child(), run_child())") == "500.0 500.0\n"

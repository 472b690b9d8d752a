"""`Function.serve`: a service in a child process, which is there in the block and gone after it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.service import wait_until

import ovenbird as ob
from ovenbird.errors import ArgumentsError, InitError, LoadError, OvenbirdError, SettingsError

pytestmark = pytest.mark.slow
SOURCE = """
import os

def init(context, greeting="Hello"):
    if greeting == "none":
        raise KeyError("no greeting")
    context.greeting = greeting

def handler(context, name: str):
    print("greeting", name)
    return {"text": f"{context.greeting}, {name}", "pid": os.getpid(), "mark": os.environ.get("MARK", "")}
"""
SCRIPT = """
import sys, time, ovenbird as ob
service = ob.function("greet.py:handler").serve(workers=2)
print(service.call(name="Ada")["pid"], flush=True)
if sys.argv[1] == "wait":
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _source(folder: Path) -> None:
    (folder / "greet.py").write_text(SOURCE)


def test_a_service_is_there_in_the_block(folder: Path) -> None:
    """It has a free port, takes init parameters, variables and settings, answers calls, and is gone afterwards."""
    function = ob.function("greet.py:handler")
    with function.serve(init={"greeting": "Hi"}, env={"MARK": "m"}, access_log=False, timeout="5s") as service:
        answer = service.call(name="Ada")
        assert (answer["text"], answer["mark"]) == ("Hi, Ada", "m")
        assert service.client.get("/_/ready").status == 200
        assert service.is_running
        assert service.url in repr(service)
        assert "greeting Ada" in service.logs
        assert f"READY\n  url {service.url}  its page {service.url}/_/" in service._repr_mimebundle_()["text/plain"]
    assert not service.is_running
    assert "greeting Ada" in service._repr_html_()
    assert "STOPPED" in service._repr_html_()
    assert not Path(f"/proc/{answer['pid']}").exists()
    assert "draining" in service.logs
    service.stop()  # again


@pytest.mark.parametrize("workers", [1, 2])
def test_a_service_that_does_not_start_raises(folder: Path, workers: int) -> None:
    """The error is the one of the command, with the user's traceback."""
    with pytest.raises(InitError, match="no greeting") as caught:
        ob.function("greet.py:handler").serve(init={"greeting": "none"}, workers=workers)
    assert 'raise KeyError("no greeting")' in caught.value.cause
    assert 'raise KeyError("no greeting")' in str(caught.value.__cause__)


def test_other_services_that_do_not_start(folder: Path) -> None:
    """An import that fails, one that ends the process, a port that is taken, a setting that is none."""
    (folder / "broken.py").write_text("1 / 0\ndef handler(): ...\n")
    (folder / "exits.py").write_text("import os\nos._exit(3)\ndef handler(): ...\n")
    with pytest.raises(LoadError, match="ZeroDivisionError"):
        ob.function("broken.py:handler").serve()
    with pytest.raises(OvenbirdError, match=r"before it was ready: process .* ended with 3"):
        ob.function("exits.py:handler").serve()
    function = ob.function("greet.py:handler")
    with function.serve() as service, pytest.raises(SettingsError, match="cannot listen on"):
        function.serve(port=int(service.url.rpartition(":")[2]))
    with pytest.raises(SettingsError, match="no setting 'max_boddy'"):
        function.serve(max_boddy="1m")
    with pytest.raises(ArgumentsError, match="init= takes a mapping"):
        function.serve(init=5)
    with pytest.raises(SettingsError, match="--workers"):
        function.serve(workers=0)


@pytest.mark.parametrize("how", ["end", "wait"])
def test_nothing_outlives_its_interpreter(folder: Path, how: str) -> None:
    """A service that nobody has stopped ends with its interpreter, by whatever that ends."""
    script = folder / "script.py"
    script.write_text(SCRIPT)
    with subprocess.Popen([sys.executable, script, how], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = Path(f"/proc/{process.stdout.readline().strip()}")
        if how == "wait":
            assert worker.exists()
            process.send_signal(signal.SIGKILL)
        process.wait(60)
    wait_until(lambda: not worker.exists(), lambda: "the worker lives")

"""One worker's life as a client and a terminal see it: signals before and after it is ready."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests import starts
from tests.service import Service, wait_until

Serve = Callable[..., Service]
GOOD = "async def handler():\n    return 1\n"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_while_the_module_loads(serve: Serve, tmp_path: Path, workers: str) -> None:
    """Nothing has been accepted: the process ends at once with 143."""
    source = "import time\nopen('loading', 'w').close()\ntime.sleep(60)\ndef handler():\n    return 1\n"
    service = serve(source, "--workers", workers, ready=False)
    wait_until((tmp_path / "loading").exists, lambda: service.log, service)
    assert service.stop() == 143


@pytest.mark.parametrize(
    ("workers", "init"),
    [("1", "def init():\n    time.sleep(60)"), ("2", "async def init():\n    await asyncio.sleep(60)")],
)
def test_sigterm_while_init_runs(serve: Serve, workers: str, init: str) -> None:
    """A service that was never ready exits with 143, without waiting for init."""
    service = serve(f"import asyncio, time\n{init}\n{GOOD}", "--workers", workers, ready=False)
    service.wait_open()
    assert service.get("/_/ready").status_code == 503
    assert service.stop() == 143


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_when_ready(serve: Serve, workers: str) -> None:
    """The status is 0, and the port is closed."""
    service = serve(GOOD, "--workers", workers, "--drain-delay", "0")
    service.wait_log("2 workers are ready" if workers == "2" else "is served at")
    assert service.stop() == 0
    with pytest.raises(httpx.ConnectError):
        service.get()


def test_sigint_before_ready_has_its_own_status(serve: Serve) -> None:
    """130 says that a person ended it."""
    service = serve(f"import time\ndef init():\n    time.sleep(60)\n{GOOD}", ready=False)
    service.wait_open()
    assert service.get("/_/ready").status_code == 503
    assert service.stop(signal.SIGINT) == 130


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_on_a_terminal(tmp_path: Path, workers: str) -> None:
    """The terminal's interrupt, which every process of the group gets, ends the service with 0 and prints no traceback;
    the log is text there."""
    (tmp_path / "main.py").write_text(GOOD)
    command = [sys.executable, "-m", "ovenbird", "serve", "main.py", "--port", "0", "--workers", workers]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(sys.executable, command)
    output = b""
    try:
        while (b"2 workers are ready" if workers == "2" else b"is served at") not in output:
            output += os.read(terminal, 4096)
        os.write(terminal, b"\x03")
        while True:
            try:
                output += os.read(terminal, 4096)
            except OSError:  # the other side is closed
                break
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        pid = 0
    finally:
        os.close(terminal)
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert b"Traceback" not in output
    assert b"{" not in output
    assert b"info" in output


@pytest.mark.slow
def test_a_log_that_nobody_reads_does_not_stop_the_service(tmp_path: Path) -> None:
    """stderr is a pipe whose reader has gone: calls are answered, and the end is as it should be."""
    (tmp_path / "main.py").write_text("import logging\ndef handler():\n    logging.error('x' * 10000)\n    return 1\n")
    words = ["serve", "main.py", "--port", "0", "--drain-delay", "0"]
    process = starts.start(words, cwd=tmp_path, stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        line = process.stderr.readline().decode()
        process.stderr.close()
        url = line.split("served at ")[1].split('"')[0]
        for _ in range(5):
            assert httpx.post(url, json={}, verify=False).status_code == 200
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()

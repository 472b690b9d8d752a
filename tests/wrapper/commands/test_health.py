"""`ovenbird health`, against real services, sockets and nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.raw import run_service
from tests.service import Service


def health(*flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the verb as an engine does."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("OVENBIRD_", "PORT"))}
    command = [sys.executable, "-m", "ovenbird", "health", *flags]
    return subprocess.run(command, env={**env, **environ}, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory, "tell/probed.py:Probed", "--log-format", "json") as service:
        yield service


@contextmanager
def answering_server(answer: bytes) -> Iterator[str]:
    """A server that gives every client the same bytes, or silence; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        clients = []

        def serve() -> None:
            try:
                while True:
                    client = listener.accept()[0]
                    clients.append(client)
                    if answer:
                        client.recv(1000)
                        client.sendall(answer)
                        client.close()
            except OSError:
                return

        thread = threading.Thread(target=serve)
        thread.start()
        yield str(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for client in clients:
            client.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_ready_service(service: Service, host: str) -> None:
    """Status 0 without output; a wildcard address is called at this machine's own."""
    process = health(PORT=service.url.rpartition(":")[2], OVENBIRD_HOST=host)
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


def test_a_service_that_is_not_ready(tmp_path: Path) -> None:
    """A service whose init still runs differs from no service: status 1, with its own state."""
    (tmp_path / "slow.py").write_text("import time\ndef init(): time.sleep(60)\ndef handler(): ...\n")
    service = Service("slow.py", (), {}, tmp_path)
    try:
        process = health("--port", service.wait_open().rpartition(":")[2])
    finally:
        service.process.kill()
        service.process.wait()
        service._log.close()
    assert process.returncode == 1
    assert "not ready: status 503" in process.stderr
    assert "starting" in process.stderr


def test_nobody_listens() -> None:
    """Status 1, with the address that was tried."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it meanwhile
        port = str(bound.getsockname()[1])
        process = health("--port", port)
    assert process.returncode == 1
    assert process.stderr == f"no answer from 127.0.0.1:{port}: Connection refused\n"


@pytest.mark.slow
def test_a_port_of_something_else() -> None:
    """Another protocol on the port, or silence, is not ready, and does not hang."""
    with answering_server(b"220 mail ready\r\n") as port:
        assert "does not speak HTTP" in health("--port", port).stderr
    with answering_server(b"") as port:
        process = health("--port", port)
        assert (process.returncode, "timed out" in process.stderr) == (1, True)


@pytest.mark.slow
def test_settings(service: Service) -> None:
    """A value that does not parse is an error of its own, never a service that is not ready."""
    assert health(OVENBIRD_PORT="x").returncode == 70
    assert health("--nothing").returncode == 70
    assert health("--help").returncode == 0


def test_it_is_light() -> None:
    """No server, no YAML and no function is imported: it runs every few seconds."""
    code = "import sys, ovenbird.cli as c; c.run(['health', '--port', '1']); print(*sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    loaded = {name.split(".")[0] for name in process.stdout.split()} | set(process.stdout.split())
    assert not loaded & {"starlette", "uvicorn", "asyncio", "yaml", "ssl", "http", "urllib3", "ovenbird.function"}

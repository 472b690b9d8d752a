"""Where the platform's script is process 1 it passes signals on; any other bash is left alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.container.conftest import ONE
from tests.container.test_processor import LINE, shared
from tests.engine import Images
from tests.podman import Podman
from tests.processors import http, job
from tests.service import wait_until

__all__ = ["shared"]
pytestmark = pytest.mark.timeout(600)
Shared = Callable[..., tuple[str, ...]]
NAP = job({"handler": "nap", "spec": {"parameters": {}}})
ENDS = """
trap 'echo heard; exit 5' TERM
echo begun $$ "$@"
while :; do sleep 0.1; done
"""


def test_a_service_under_load_loses_no_call(base_images: Images, podman: Podman, shared: Shared) -> None:
    """Every answer is whole, a 200 or the 503 of a drain, and the container ends with 0 before it would be killed."""
    container = podman.start(base_images[ONE], *LINE, flags=shared(http(maxWorkers=4), network=True))
    container.wait_ready("/__internal/health")
    answers: list[int] = []
    failed: list[Exception] = []
    stopping = threading.Event()

    def call() -> None:
        with httpx.Client(trust_env=False, verify=False, timeout=30) as client:
            for _ in range(5000):
                try:
                    answers.append(client.post(container.url, json={"name": "Ada"}).status_code)
                except httpx.ConnectError:
                    return  # it has ended
                except httpx.TransportError as error:
                    failed.append(error)
                    return
                if stopping.is_set() and answers[-1] == 503:
                    return

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answers) > 50, lambda: f"{len(answers)} answers, {failed}")
    stopping.set()
    code = container.stop()
    for thread in threads:
        thread.join(60)
    assert code == 0, container.log
    assert set(answers) <= {200, 503}
    assert [error for error in failed if not isinstance(error, httpx.RemoteProtocolError)] == []


def test_a_call_in_flight_is_answered(base_images: Images, podman: Podman, shared: Shared, tmp_path: Path) -> None:
    """One that takes seconds is answered after the signal, and the container ends within 2 seconds of it (here: 10)."""
    flags = shared(http(maxWorkers=2), network=True)
    (tmp_path / "handler.py").write_text(
        "import time\ndef init_context(context): pass\n"
        "def handler(context, event):\n    print('begun', flush=True)\n    time.sleep(3)\n    return 'whole'\n"
    )
    container = podman.start(base_images[ONE], *LINE, flags=flags)
    container.wait_ready("/__internal/health")
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(container.call({}).text))
    thread.start()
    container.wait_log("begun")
    assert container.stop() == 0, container.log
    ended = time.monotonic()
    thread.join(60)
    assert answers == ["whole"]
    assert time.monotonic() - ended < 10


@pytest.mark.parametrize("signal", ["TERM", "INT"])
def test_a_job_ends_with_its_record(base_images: Images, podman: Podman, shared: Shared, signal: str) -> None:
    """Both signals reach the processor once, which reports the signal; the container ends with its status."""
    container = podman.start(base_images[ONE], *LINE, flags=shared(NAP, network=True))
    container.wait_log("asleep")
    container.kill(signal)
    assert container.wait() == {"TERM": 143, "INT": 130}[signal], container.log
    assert f"stopped by SIG{signal}" in container.log


def test_a_signal_while_requirements_are_installed(
    base_images: Images, podman: Podman, shared: Shared, tmp_path: Path
) -> None:
    """pip is stopped, and the processor is not started after it."""
    flags = shared(NAP, "--no-index\n./slow\n", network=True)
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, time\nif 'pip' in sys.orig_argv:\n    print('installing', file=sys.stderr, flush=True)\n"
        "    time.sleep(60)\n"
    )
    container = podman.start(base_images[ONE], *LINE, flags=flags)
    container.wait_log("installing")
    assert container.stop() == 143, container.log
    assert "asleep" not in container.log


def test_processes_of_the_script_are_reaped(base_images: Images, podman: Podman, shared: Shared) -> None:
    """The processor has neither of the variables, and is in a group of its own with the script."""
    container = podman.start(base_images[ONE], *LINE, flags=shared(http(), network=True))
    container.wait_ready("/__internal/health")
    look = (
        "import pathlib\nfor path in pathlib.Path('/proc').glob('[0-9]*'):\n"
        "    line = (path / 'cmdline').read_bytes()\n"
        "    if b'processor' in line and b'/bin/bash' not in line:\n"
        "        fields = (path / 'stat').read_text().rpartition(') ')[2].split()\n"
        "        print(fields[2], b'BASH_ENV' in (path / 'environ').read_bytes())\n"
    )
    group, has = container.exec("/usr/bin/env", "-i", "/usr/local/bin/python3", "-c", look).stdout.split()[:2]
    assert (group != "1", has) == (True, "False")
    assert container.stop() == 0


@pytest.mark.parametrize("case", ["script", "command", "own", "init"])
def test_another_bash_is_left_alone(
    base_images: Images, podman: Podman, shared: Shared, tmp_path: Path, case: str
) -> None:
    """Another script, `bash -c`, a BASH_ENV of the user's own, and a bash that is not process 1 run as they would."""
    flags = shared(NAP, network=True)
    (tmp_path / "mine.sh").write_text(ENDS)
    (tmp_path / "own.sh").write_text("echo own file $0\n")
    words: tuple[str, ...] = ("/shared/mine.sh", "a b")
    if case == "command":
        words = ("-c", ENDS, "/shared/entrypoint.sh0", "a b")
    elif case == "own":
        flags = (*flags, "--env", "BASH_ENV=/shared/own.sh")
    elif case == "init":
        (tmp_path / "entrypoint.sh").write_text(ENDS)
        words = ("-c", "/bin/bash /shared/entrypoint.sh 'a b'; exit $?")
    container = podman.start(base_images[ONE], *words, flags=flags)
    container.wait_log("begun")
    number = "1" if case != "init" else container.log.partition("begun ")[2].split()[0]
    assert f"begun {number} a b" in container.log
    assert ("own file /shared/mine.sh" in container.log) == (case == "own")
    if case == "init":
        assert number != "1"
        assert container.exec("/bin/bash", "-c", f"kill -TERM {number}").returncode == 0
    else:
        container.kill("TERM")
    assert container.wait() == 5, container.log
    assert "heard" in container.log


@pytest.mark.parametrize(
    ("triggers", "spec", "expected"),
    [
        (job({"handler": "fail", "spec": {"parameters": {}}}), {}, ("handler: ", "rendered to fail")),
        (http(), {"handler": "nothing:here"}, ("load.module_missing: ", "no module 'nothing'")),
    ],
    ids=["job", "service"],
)
def test_the_termination_message(
    base_images: Images, podman: Podman, shared: Shared, tmp_path: Path, triggers: object, spec: dict[str, str],
    expected: tuple[str, str],
) -> None:  # fmt: skip
    """Code and message are in the file that the kubelet mounts: of a failed job, and a service that cannot start."""
    flags = shared(triggers, **spec)
    fails = "def handler(context, event): raise ValueError('rendered to fail')\n"
    source = f"def init_context(context): pass\n{fails}"
    (tmp_path / "handler.py").write_text(source)
    log = tmp_path / "termination-log"
    log.touch()
    log.chmod(0o666)
    process = podman.run(base_images[ONE], *LINE, flags=(*flags, "--volume", f"{log}:/dev/termination-log"))
    assert process.returncode == 1, process.stderr
    code, text = expected
    assert log.read_text().startswith(code)
    assert text in log.read_text()

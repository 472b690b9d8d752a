"""On every Python version: a mounted folder is served and run as a job, under the strictest rules, and ends well."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.container.conftest import STRICT, Mounted
from tests.engine import AVAILABLE, OUTER, Images
from tests.podman import Podman

SERVICE = """
    import os, sys, time

    def init(context, greeting):
        context.greeting = greeting

    def handler(context, name: str = "you", seconds: float = 0):
        time.sleep(seconds)
        return {"text": f"{context.greeting} {name}", "python": sys.version.split()[0], "user": os.getuid(),
                "group": os.getgid(), "folder": os.getcwd(), "written": written()}

    def written():
        found = []
        for place in ("/", "/shared", "/opt/ovenbird", "/opt/ovenbird/site/ovenbird", "/run", "/var/tmp", "/tmp"):
            try:
                with open(f"{place}/probe", "w") as file:
                    file.write("x")
                found.append(place)
            except OSError:
                pass
        return found
"""
JOB = """
    def handler(n: int):
        print("n is", n)
        return n * 2
"""


@pytest.mark.parametrize("version", AVAILABLE)
def test_a_folder_is_served(version: str, base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """One file in a mounted folder is a service: init, health, answers; a call in flight outlives `podman stop`.

    Nothing may be written but /tmp, there are no capabilities, and nobody knows the user. Python reports each source
    that it compiles: only the user's.
    """
    flags = (*STRICT, "--env=PYTHONVERBOSE=1", *mount_sources({"main.py": SERVICE}))
    service = podman.start(base_images[version], "serve", "main.py:handler", "--init", "greeting=hello", flags=flags)
    service.wait_ready()
    answer = service.call({"name": "ada"}).json()
    assert answer.pop("python").startswith(f"{version}.")
    assert answer == {"text": "hello ada", "user": 12345, "group": 0, "folder": "/shared", "written": ["/tmp"]}
    assert service.exec("ovenbird", "health").returncode == 0
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(service.call, {"name": "late", "seconds": 2.5})
        metrics = ""
        while "ovenbird_in_flight 1" not in metrics:
            metrics = service.get("/_/metrics").text
        assert service.stop() == 0
        assert slow.result().json()["text"] == "hello late"
    log = service.log
    assert set(re.findall(r"code object from (/\S+\.py)$", log, re.MULTILINE)) == {"/shared/main.py"}
    levels = [json.loads(line)["level"] for line in log.splitlines() if line.startswith("{")]
    assert set(levels) == {"info"}


@pytest.mark.parametrize("version", AVAILABLE)
def test_a_job_is_run(version: str, base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """`run` takes parameters, prints what the function prints, and records where it may write."""
    flags = (*STRICT, *mount_sources({"main.py": JOB}))
    command = ("run", "main.py:handler", "--param", "n=21", "--result-file", "/dev/stdout")
    process = podman.run(base_images[version], *command, flags=flags)
    assert process.returncode == 0, process.stderr
    printed, _, result = process.stdout.partition("\n")
    assert printed == "n is 21"
    assert json.loads(result)["results"] == {"output_0": 42}
    assert "/shared/.ovenbird cannot be written" in process.stderr


@pytest.mark.parametrize("version", OUTER)
def test_a_failure_has_its_exit_status(
    version: str, base_images: Images, podman: Podman, mount_sources: Mounted
) -> None:
    """The phase that failed is the exit status of the container, and the record names the place in the user's file."""
    flags = mount_sources(
        {
            "syntax.py": "def handler(:\n    return 1\n",
            "init.py": "def init():\n    raise OSError('no model')\ndef handler(): ...\n",
            "raises.py": "def handler():\n    return 1 / 0\n",
        }
    )
    for verb, name, status, words in (
        ("serve", "syntax.py", 72, ("SyntaxError", "syntax.py", "line 1")),
        ("serve", "init.py", 73, ("OSError", "no model", 'init.py", line 2')),
        ("run", "raises.py", 74, ("ZeroDivisionError", 'raises.py", line 2')),
    ):
        process = podman.run(base_images[version], verb, name, flags=flags)
        assert process.returncode == status, process.stderr
        assert all(word in process.stderr.replace('\\"', '"') for word in words), process.stderr
        assert "/opt/ovenbird" not in process.stderr.partition('"hint"')[0], process.stderr

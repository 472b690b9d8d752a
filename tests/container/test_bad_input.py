"""Failures around a mounted source: each is one log record with a hint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.container.conftest import ONE, Mounted
from tests.engine import Images
from tests.podman import Podman

GOOD = "def handler(): return 1\n"


def run_refused(podman: Podman, image: str, *command: str, flags: tuple[str, ...]) -> tuple[int, dict[str, Any]]:
    """Return the exit status, and the record of the error; nothing but records is in the log."""
    process = podman.run(image, *command, flags=flags)
    print(process.stderr)
    records = [json.loads(line) for line in process.stderr.splitlines()]
    (record,) = [record for record in records if "code" in record]
    assert record["exit_code"] == process.returncode
    return process.returncode, record


def test_a_source_that_is_missing(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """The name that was looked for, and what is there instead."""
    code, record = run_refused(podman, base_images[ONE], "serve", "mian.py", flags=mount_sources({"main.py": GOOD}))
    assert (code, record["code"]) == (72, "load.module_missing")
    assert "mian.py" in record["message"]
    assert "'main.py'" in record["hint"]


def test_a_missing_mount_is_reported(base_images: Images, podman: Podman) -> None:
    """The message names the folder that was looked in."""
    code, record = run_refused(podman, base_images[ONE], "serve", "main.py", flags=())
    assert (code, record["code"]) == (72, "load.module_missing")
    assert "/shared" in record["message"] + record["hint"]


@pytest.mark.parametrize("name", ["main.py", "function.yaml"])
def test_a_file_that_the_user_may_not_read(
    name: str, base_images: Images, podman: Podman, mount_sources: Mounted, folder: Path
) -> None:
    """The file, the user of the container, and what to do."""
    flags = mount_sources({name: GOOD})
    (folder / name).chmod(0o600)
    code, record = run_refused(podman, base_images[ONE], "serve", name, flags=flags)
    assert code == (72 if name == "main.py" else 71)
    assert f"/shared/{name}" in record["message"] or f"'{name}'" in record["message"]
    assert "Permission denied" in record["message"]
    assert "8877" in record["hint"]


def test_a_folder_that_the_user_may_not_enter(
    base_images: Images, podman: Podman, mount_sources: Mounted, folder: Path
) -> None:
    """The same, for a folder of another place than the work folder: into that, the engine itself does not go."""
    mount_sources({"main.py": GOOD})
    folder.chmod(0o700)
    flags = ("--volume", f"{folder}:/code:ro")
    for target in ("/code/main.py", "/code"):
        code, record = run_refused(podman, base_images[ONE], "serve", target, flags=flags)
        assert code in (71, 72)
        assert "Permission denied" in record["message"]
        assert "8877" in record["hint"]


def test_a_syntax_error(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """The file and the line, and no frame of Ovenbird."""
    code, record = run_refused(
        podman, base_images[ONE], "serve", "main.py", flags=mount_sources({"main.py": "x = 1\ndef (\n"})
    )
    assert (code, record["code"]) == (72, "load.module_failed")
    assert "SyntaxError" in record["message"]
    assert "/shared/main.py" in record["traceback"]
    assert "/opt/ovenbird" not in record["traceback"]


def test_a_port_below_1024(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """If the kernel reserves low ports for root, the hint says so and names a usable port."""
    flags = ("--sysctl=net.ipv4.ip_unprivileged_port_start=1024", *mount_sources({"main.py": GOOD}))
    code, record = run_refused(podman, base_images[ONE], "serve", "main.py", "--port=80", flags=flags)
    assert (code, record["code"]) == (70, "settings")
    assert "0.0.0.0:80" in record["message"]
    assert "1024" in record["hint"]


def test_a_port_below_1024_where_it_is_allowed(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """Most engines allow it to every user."""
    flags = ("--sysctl=net.ipv4.ip_unprivileged_port_start=0", *mount_sources({"main.py": GOOD}))
    service = podman.start(base_images[ONE], "serve", "main.py", "--port=80", flags=flags, port=80).wait_ready()
    assert service.call().json() == 1


FULL = ("--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp:size=64k")


def test_a_service_with_a_full_tmp(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """Calls are served; only an upload that would be spooled fails, with the reason in the log."""
    source = """
        from starlette.datastructures import UploadFile

        def handler(file: UploadFile = None):
            return len(file.file.read()) if file else "no file"
    """
    service = podman.start(base_images[ONE], "serve", "main.py", flags=(*FULL, *mount_sources({"main.py": source})))
    service.wait_ready()
    answer = service.post(files={"file": ("a.bin", b"x" * (3 << 20))})
    assert answer.status_code == 503, answer.text
    service.wait_log("a file of a form cannot be kept in /tmp: No space left on device")
    assert service.call({}).text == "no file"
    assert service.post(files={"file": ("a.bin", b"xyz")}).json() == 3
    assert service.stop() == 0


def test_a_job_with_a_full_tmp(base_images: Images, podman: Podman, mount_sources: Mounted) -> None:
    """A run that cannot be recorded reports the full folder, with a hint to another."""
    flags = (*FULL, *mount_sources({"main.py": GOOD}))
    code, record = run_refused(podman, base_images[ONE], "run", "main.py", flags=flags)
    assert code in (76, 79)
    assert "/tmp/ovenbird" in record["message"]
    assert "full" in record["message"] or "No space left" in record["message"]
    assert "OVENBIRD_HOME" in record["hint"]


def test_a_service_of_inline_source_with_a_full_tmp(
    base_images: Images, podman: Podman, mount_sources: Mounted
) -> None:
    """Inline source has to be written: the error has the folder."""
    code = "def handler(): return 1\n" + "#" * 100_000
    document = json.dumps({"name": "f", "kind": "python", "spec": {"source": {"handler": "handler", "code": code}}})
    status, record = run_refused(podman, base_images[ONE], flags=(*FULL, *mount_sources({"function.yaml": document})))
    assert status in (71, 72)
    assert "No space left on device" in record["message"]
    assert "/tmp" in record["message"] + record["hint"]


@pytest.mark.parametrize(
    ("name", "path"), [("json.py", ""), ("starlette.py", "/shared"), ("logging/__init__.py", "/shared")]
)
def test_a_file_that_hides_a_module(
    name: str, path: str, base_images: Images, podman: Podman, mount_sources: Mounted
) -> None:
    """It is refused by name, also where the platform has put the folder on PYTHONPATH."""
    flags = mount_sources({"main.py": GOOD, name: "raise RuntimeError('the wrong module')\n"})
    flags += (f"--env=PYTHONPATH={path}",) if path else ()
    code, record = run_refused(podman, base_images[ONE], "serve", "main.py", flags=flags)
    assert (code, record["code"]) == (72, "load.shadow")
    assert f"/shared/{name.partition('/')[0]}" in record["message"]
    assert "rename" in record["hint"]

"""Failures of a container runtime, distinguished from failures of the program in the container."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird_builder.containers.runtime_failure import find_runtime_failure
from ovenbird_builder.containers.working_container import open_container
from ovenbird_builder.errors import EngineError
from ovenbird_builder.host.process import ProcessFailedError

LOG = 'time="2026-01-02T03:04:05Z" level=error msg="did not get container create message from subprocess: EOF"\n'
START = "error running container: from /usr/bin/crun creating container for [/bin/sh -c true]: "
LAST = "Error: while running runtime: exit status 1\n"


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (START + "unknown version specified\n: exit status 1\n" + LOG + LAST, "unknown version specified"),
        (START + "sd-bus call:\nAccess denied\n: exit status 1\n" + LOG + LAST, "sd-bus call: Access denied"),
        ("a line\n" + START + "cgroup is hybrid: exit status 1\nERRO[0000] did not get container create message"
         " from subprocess: EOF \nerror building at STEP \"RUN x\": while running runtime: exit status 1",
         "cgroup is hybrid"),
        (START.replace("/usr/bin/crun", "crun") + ': exec: "crun": executable file not found in $PATH\n' + LOG + LAST,
         'exec: "crun": executable file not found in $PATH'),
        (START + "\x1b[31m" + "x" * 5000 + "\n" + LOG + LAST, "xxx"),
    ],
    ids=["crun", "two lines", "of a later buildah", "no such runtime", "long"],
)  # fmt: skip
def test_the_message_of_the_runtime_is_reported(stderr: str, reason: str) -> None:
    """The line before the last, whole, with the name of the runtime and what helps."""
    failure = find_runtime_failure(stderr)
    assert failure
    assert reason in failure.message
    assert "crun cannot start a container: " in failure.message
    assert "BUILDAH_ISOLATION=chroot" in failure.hint
    assert failure.exit_code == 66
    assert len(failure.message) < 1200
    assert failure.message.isprintable()


@pytest.mark.parametrize(
    "stderr",
    [
        "",
        "Error: while running runtime: exit status 3\n",
        "error: cannot create x\n" + LAST,
        START
        + "executable file `/bin/sh` not found in $PATH: No such file or directory\n: exit status 1\n"
        + LOG
        + LAST,
        START + "unknown version\n" + LOG + LAST + "retrying\n" + LAST,
    ],
    ids=["nothing", "a program's status", "a program's words", "no such program", "a builder in a container"],
)
def test_a_program_that_fails_is_no_failure_of_the_runtime(stderr: str) -> None:
    """A program that the image lacks is not one either."""
    assert find_runtime_failure(stderr) is None


@pytest.mark.parametrize("kind", ["refuses", "absent"])
def test_a_runtime_that_cannot_start(
    container_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Through buildah itself, whether its runtime refuses or is not there, and whether the status is looked at."""
    runtime = tmp_path / "crun"
    if kind == "refuses":
        runtime.write_text("#!/bin/sh\necho 'cgroups are hybrid: not supported' >&2\nexit 1\n")
        runtime.chmod(0o755)
    monkeypatch.setenv("BUILDAH_ISOLATION", "oci")
    monkeypatch.setenv("BUILDAH_RUNTIME", str(runtime))
    with open_container("scratch") as container:
        for check in (True, False):
            with pytest.raises(EngineError) as caught:
                container.run(["/bin/true"], check=check)
            text = "cgroups are hybrid: not supported" if kind == "refuses" else "no such file or directory"
            assert f"the container runtime {runtime} cannot start a container: " in caught.value.message
            assert text in caught.value.message
            assert "BUILDAH_ISOLATION=chroot" in caught.value.hint


def test_a_program_that_fails_in_a_container(standins: dict[str, str]) -> None:
    """It is reported with its status and output."""
    with open_container(standins["3.11"]) as container, pytest.raises(ProcessFailedError) as caught:
        container.run(["sh", "-c", "echo out of beans >&2; exit 7"])
    assert caught.value.returncode == 7
    assert "out of beans" in caught.value.output

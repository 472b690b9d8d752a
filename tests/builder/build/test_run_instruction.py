"""One instruction on an image of the store: what it changed comes out as a tar, and nothing of it stays behind."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from ovenbird_builder.build.run_instruction import StepContext, execute_instruction
from ovenbird_builder.errors import DigestError, InstructionFailedError, InstructionTimeoutError
from ovenbird_builder.host.secrets import BuildSecret
from ovenbird_builder.request.run_instruction import RunInstruction

LINES = "i=0; while [ $i -lt 60 ]; do echo line $i; i=$((i+1)); done"


@pytest.fixture
def base_image(standins: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    """An image in the store, and its layers."""
    image = standins["3.11"]
    process = subprocess.run(["buildah", "inspect", "--type=image", image], capture_output=True, check=True)
    return image, tuple(json.loads(process.stdout)["OCIv1"]["rootfs"]["diff_ids"])


def list_leftovers() -> set[str]:
    """Return the working containers, and the images that steps have made."""
    rows = subprocess.run(["buildah", "containers", "--json"], capture_output=True, check=True).stdout
    names = subprocess.run(["buildah", "images", "--format={{.Name}}"], capture_output=True, text=True, check=True)
    containers = {row["containername"] for row in json.loads(rows or b"[]") or []}
    return containers | {name for name in names.stdout.split() if "ovenbird-step" in name}


def test_the_tar_holds_the_changes_of_the_command(base_image: tuple[str, tuple[str, ...]], tmp_path: Path) -> None:
    """Time and secrets are passed to the command; tar, container and image are removed afterwards."""
    before, secrets = list_leftovers(), (BuildSecret("token", b"hunter2hunter2"), BuildSecret("other", b"never"))
    run = 'cat /run/secrets/token; ls /run/secrets > /found; echo "$SOURCE_DATE_EPOCH" > /when'
    lines: list[str] = []
    instruction = RunInstruction(run, secrets=("token",))
    with execute_instruction(
        instruction, *base_image, StepContext(77, secrets, on_line=lines.append, scratch=tmp_path)
    ) as path:
        with tarfile.open(path) as tar:
            names = {name for name in tar.getnames() if name in ("found", "when")}
            texts = [tar.extractfile(name).read() for name in ("found", "when")]  # type: ignore[union-attr]  # files
        assert (names, texts) == ({"found", "when"}, [b"token\n", b"77\n"])
    assert not path.exists()
    assert list(tmp_path.iterdir()) == []
    assert lines == ["***"]
    assert list_leftovers() == before


def test_a_failure_is_reported_with_the_end_of_the_output(base_image: tuple[str, tuple[str, ...]]) -> None:
    """Forty lines of it, without a secret and without what buildah adds."""
    before, secrets = list_leftovers(), (BuildSecret("token", b"hunter2hunter2"),)
    instruction = RunInstruction(f"{LINES}; cat /run/secrets/token; exit 7", secrets=("token",))
    with (
        pytest.raises(InstructionFailedError, match="ended with status 7") as caught,
        execute_instruction(instruction, *base_image, StepContext(0, secrets)),
    ):
        raise AssertionError("it went on")
    lines = str(caught.value.cause).splitlines()
    assert lines[-2:] == ["line 59", "***"], lines
    assert len(lines) <= 40
    assert not [line for line in lines if "exit status" in line]
    assert list_leftovers() == before


def test_its_own_time_limit_wins(base_image: tuple[str, tuple[str, ...]]) -> None:
    """It ends the command and all of its children."""
    before = list_leftovers()
    instruction = RunInstruction("echo begun; sleep 600 & sleep 600", timeout=3.0)
    with (
        pytest.raises(InstructionTimeoutError, match="time limit of 3 s") as caught,
        execute_instruction(instruction, *base_image, StepContext(0, timeout=500.0)),
    ):
        raise AssertionError("it went on")
    assert caught.value.cause == "begun"
    assert list_leftovers() == before


def test_an_image_of_other_layers_is_refused(base_image: tuple[str, tuple[str, ...]]) -> None:
    """The layer would be that of another image."""
    image, layers = base_image
    before = list_leftovers()
    with (
        pytest.raises(DigestError, match="not one on top of"),
        execute_instruction(RunInstruction("true"), image, ("sha256:" + "0" * 64, *layers), StepContext(0)),
    ):
        raise AssertionError("it went on")
    assert list_leftovers() == before

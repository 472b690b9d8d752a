"""Ctrl-C before a command has begun its work: quiet, with status 130."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.starts import default_signals

from ovenbird_builder.layers.runtime_layers import LAUNCHER

DEADLINE = 60.0  # seconds
# a module in place of one that our own modules import, which says that its import has begun and goes on for ever
STALLS = "import pathlib, sys, time\npathlib.Path(sys.argv[-1].removeprefix('b=')).touch()\ntime.sleep(600)\n"


@pytest.fixture(params=["module", "script", "launcher"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """Return a command that starts Ovenbird: as a module, as a script, or by an image's launcher."""
    if request.param == "module":
        return [sys.executable, "-m", "ovenbird"]
    path = tmp_path / "ovenbird"
    text = "import sys\nfrom ovenbird.__main__ import main\nsys.exit(main())\n"
    path.write_text(
        LAUNCHER.read_text().format(python=sys.executable, words="") if request.param == "launcher" else text
    )
    return [sys.executable, str(path)]


def interrupt(command: list[str], folder: Path, module: str, last: str = "{}") -> tuple[int, str]:
    """Start a command, send SIGINT amid the import of a module; its status and what it has printed.

    Its last word names a file that the module makes.
    """
    shadows = folder / "shadows"
    shadows.mkdir()
    (shadows / f"{module}.py").write_text(STALLS)
    begun = folder / "begun"
    process = subprocess.Popen(
        [*command, last.format(begun)], env={**os.environ, "PYTHONPATH": str(shadows)}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, cwd=folder, preexec_fn=default_signals,  # noqa: PLW1509
    )  # fmt: skip
    try:
        end = time.monotonic() + DEADLINE
        while not begun.exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
    return process.returncode, output


def test_amid_our_own_imports(command: list[str], tmp_path: Path) -> None:
    """However the command was started: nothing is printed."""
    assert interrupt([*command, "check"], tmp_path, "msgspec") == (130, "")


@pytest.mark.parametrize("verb", ["build", "lock", "manifests"])
def test_amid_the_imports_of_the_builder(verb: str, tmp_path: Path) -> None:
    """A verb that another package brings is imported when it is called."""
    assert interrupt([sys.executable, "-m", "ovenbird", verb], tmp_path, "tarfile") == (130, "")


def test_amid_the_import_of_a_function(tmp_path: Path) -> None:
    """During the import the signal is an exception, so that user code can clean up; nothing is printed for it."""
    (tmp_path / "main.py").write_text("import stalling\ndef handler(): ...\n")
    command = [sys.executable, "-m", "ovenbird", "check", "main.py", "--init"]
    assert interrupt([*command, "a=1", "--init"], tmp_path, "stalling", "b={}") == (130, "")


def test_the_launcher_of_the_processor_names_its_verb(tmp_path: Path) -> None:
    """An image has two launchers of one text; the second gives words of its own."""
    path = tmp_path / "processor"
    path.write_text(LAUNCHER.read_text().format(python=sys.executable, words='["processor", *sys.argv[1:]]'))
    process = subprocess.run([sys.executable, str(path), "--help"], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (0, "")
    assert "usage: ovenbird processor" in process.stdout


def test_one_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """A signal that `nohup` or a shell's background job ignores stays ignored."""
    (tmp_path / "main.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\ndef handler(): ...\n")
    words = f"trap '' INT; exec {sys.executable} -m ovenbird check main.py"
    process = subprocess.run(["bash", "-c", words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (0, "")

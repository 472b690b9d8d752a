"""The platform's real SDK, in an environment of its own: it brings some fifty packages that are not ours."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

PACKAGES = ("digitalhub==0.15.11", "digitalhub-runtime-python==0.15.2")
_HOME = Path(__file__).parent.parent.parent / ".cache" / f"digitalhub-sdk-{sys.version_info[0]}.{sys.version_info[1]}"


def python() -> Path:
    """Return the interpreter that has the SDK; the environment is made once, and kept."""
    _HOME.parent.mkdir(exist_ok=True)
    path = _HOME / "bin" / "python"
    with (_HOME.parent / f"{_HOME.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_HOME / "installed").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", _HOME], check=True)
            uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", path]
            subprocess.run([*uv, *PACKAGES], check=True)
            (_HOME / "installed").touch()
    return path


def run(source: str, folder: Path, environ: Mapping[str, str]) -> str:
    """Run a program that uses the SDK in `folder`, to its good end; what it printed last."""
    program = folder / "with_sdk.py"
    program.write_text(textwrap.dedent(source))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DHCORE", "AWS_", "OVENBIRD"))}
    clean["PYTHONDONTWRITEBYTECODE"] = ""  # uv has compiled nothing: each start would compile the SDK again
    process = subprocess.run(
        [python(), program.name], check=False, cwd=folder, env={**clean, "HOME": str(folder), **environ}, text=True,
        capture_output=True, timeout=100,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return process.stdout.strip().rpartition("\n")[2]

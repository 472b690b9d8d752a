"""Fixtures for running containers: mounted sources, and the flags of a strict platform."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.orchard import orchard
from tests.walled import gate, walled

__all__ = ["gate", "orchard", "walled"]

ONE = "3.13"  # where Python's version makes no difference; Debian has it
Mounted = Callable[[Mapping[str, str]], tuple[str, ...]]

# what a cluster with strict rules asks for: nothing may be written but /tmp, and the user is one that nobody knows
STRICT = (
    "--read-only", "--read-only-tmpfs=false", "--tmpfs=/tmp", "--cap-drop=all", "--security-opt=no-new-privileges",
    "--user=12345:0",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that any user may read and enter."""
    path = tmp_path / "shared"
    path.mkdir()
    path.chmod(0o755)
    return path


@pytest.fixture
def mount_sources(folder: Path) -> Mounted:
    """Write files, by name and source, into `folder`; the flags that mount it read-only at /shared."""

    def write(files: Mapping[str, str]) -> tuple[str, ...]:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return ("--volume", f"{folder}:/shared:ro")

    return write

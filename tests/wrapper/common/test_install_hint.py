"""Hints that name an extra print the command that fits how this Ovenbird was installed."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ovenbird.common.install_hint import format_install_command, format_requirement
from ovenbird.common.redact import HIDDEN

GIT = "https://git.example/team/ovenbird"
_PROGRAM = "from ovenbird.common.install_hint import format_install_command as command; print(command('build'))"


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        ({}, "'ovenbird[build]'"),
        ({"url": GIT, "vcs_info": {"vcs": "git", "commit_id": "1" * 40}}, f"'ovenbird[build] @ git+{GIT}'"),
        (
            {"url": GIT, "vcs_info": {"vcs": "git", "commit_id": "1" * 40, "requested_revision": "v1"}},
            f"'ovenbird[build] @ git+{GIT}@v1'",
        ),
        (
            {"url": GIT, "subdirectory": "a/b", "vcs_info": {"vcs": "git", "commit_id": "1" * 40}},
            f"'ovenbird[build] @ git+{GIT}#subdirectory=a/b'",
        ),
        (
            {"url": "https://git:secret@git.example/o", "vcs_info": {"vcs": "git"}},
            "'ovenbird[build] @ git+https://git.example/o'",
        ),
        (
            {"url": "https://files.example/ovenbird-1-py3-none-any.whl?sig=x", "archive_info": {}},
            f"'ovenbird[build] @ https://files.example/ovenbird-1-py3-none-any.whl?sig={HIDDEN}'",
        ),
        ({"url": "file:///gone/context", "dir_info": {}}, "'ovenbird[build]'"),
        ({"url": "file:///gone/ovenbird-1-py3-none-any.whl", "archive_info": {}}, "'ovenbird[build]'"),
    ],
    ids=["index", "git", "git ref", "git folder", "git password", "wheel by URL", "folder gone", "wheel gone"],
)  # fmt: skip
def test_the_requirement_fits_the_origin(origin: dict[str, Any], requirement: str) -> None:
    """The installer's argument is the origin of this Ovenbird, without secrets."""
    assert format_requirement("build", origin) == requirement


def test_the_requirement_of_a_folder_or_file_is_its_path(tmp_path: Path) -> None:
    """A checkout stays editable when it was; spaces and quotes of its path reach the installer as they are."""
    folder = tmp_path / "my o'venbird"
    folder.mkdir()
    editable = format_requirement("build", {"url": folder.as_uri(), "dir_info": {"editable": True}})
    assert shlex.split(editable) == ["-e", f"{folder}[build]"]
    assert shlex.split(format_requirement("build", {"url": folder.as_uri(), "dir_info": {}})) == [f"{folder}[build]"]
    wheel = folder / "ovenbird-0.1.0-py3-none-any.whl"
    wheel.touch()
    plain = format_requirement("build", {"url": wheel.as_uri(), "archive_info": {}})
    assert shlex.split(plain) == [f"ovenbird[build] @ {wheel.as_uri()}"]


@pytest.mark.parametrize(
    ("marker", "installer", "command"),
    [
        ("pipx_metadata.json", "pip", "pipx install --force 'ovenbird[build]'"),
        ("uv-receipt.toml", "uv", "uv tool install --force 'ovenbird[build]'"),
        ("", "uv", "uv pip install --python PYTHON 'ovenbird[build]'"),
        ("", "pip", "PYTHON -m pip install 'ovenbird[build]'"),
    ],
    ids=["pipx", "uv tool", "uv pip", "pip"],
)
def test_the_command_is_that_of_the_tool(marker: str, installer: str, command: str, tmp_path: Path) -> None:
    """Environments of pipx and uv are recognised by their files; an inactive environment is named in the command."""
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    site = next((folder / "lib").glob("python3*")) / "site-packages"
    info = site / "ovenbird-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ovenbird\nVersion: 0.1.0\n")
    (info / "INSTALLER").write_text(f"{installer}\n")
    source = Path(__file__).parents[3] / "wrapper"
    (site / "ovenbird.pth").write_text(f"{source}\n")
    if marker:
        (folder / marker).touch()
    process = subprocess.run([python, "-c", _PROGRAM], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert process.stdout.strip() == command.replace("PYTHON", str(python))
    active = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin"}
    (folder / "bin" / "pip").touch(mode=0o755)
    process = subprocess.run(
        [python, "-c", _PROGRAM], capture_output=True, text=True, check=True, cwd=tmp_path, env=active
    )
    assert process.stdout.strip() == command.replace(" --python PYTHON", "").replace("PYTHON -m ", "")


def test_odd_metadata_counts_as_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For an invalid `direct_url.json` the hint has the name alone, and there is no second error."""
    info = tmp_path / "ovenbird-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ovenbird\nVersion: 0.1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for text in ("[]", "{", json.dumps({"url": None}), json.dumps({"url": 3, "vcs_info": 1})):
        (info / "direct_url.json").write_text(text)
        assert "ovenbird[build]" in format_install_command("build")

"""The command that adds an extra to this Ovenbird, by how it was installed: a folder, a git URL, a file, an index.

Installers leave a `direct_url.json` (PEP 610) for all but an index, and tools of their own leave a file in the
environment that they made.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .redact import redact_url

_NAME = "ovenbird"


def format_install_command(extra: str) -> str:
    """Return the command that installs an extra, such as `build`, where this Ovenbird is installed."""
    try:
        distribution = metadata.distribution(_NAME)
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        installer = (distribution.read_text("INSTALLER") or "").strip()
    except (metadata.PackageNotFoundError, OSError, ValueError):
        origin, installer = {}, ""
    requirement = format_requirement(extra, origin if isinstance(origin, dict) else {})
    return f"{_find_installer(Path(sys.prefix), installer)} {requirement}"


def format_requirement(extra: str, origin: Mapping[str, Any]) -> str:
    """Return the requirement of an extra for an installer, quoted for a shell. `origin` is the content of
    direct_url.json.

    A folder or file that no longer exists, as that of an image's build, counts as an index: the package itself is
    installed, and an installer then fetches the packages of the extra.
    """
    by_name = f"{_NAME}[{extra}]"
    url = str(origin.get("url") or "")
    path = Path(unquote(urlsplit(url).path)) if url.startswith("file:") else None
    if isinstance(version := origin.get("vcs_info"), dict):
        ref = f"@{version['requested_revision']}" if version.get("requested_revision") else ""
        part = f"#subdirectory={origin['subdirectory']}" if origin.get("subdirectory") else ""
        return _quote(f"{by_name} @ {version.get('vcs') or 'git'}+{redact_url(url)}{ref}{part}")
    if path and not path.exists():
        return _quote(by_name)
    if path and isinstance(folder := origin.get("dir_info"), dict):
        return ("-e " if folder.get("editable") else "") + _quote(f"{path}[{extra}]")
    return _quote(f"{by_name} @ {redact_url(url)}" if url else by_name)


def _find_installer(prefix: Path, installer: str) -> str:
    """Return the command, up to the requirement, of the program that made the environment at `prefix`."""
    if (prefix / "pipx_metadata.json").is_file():
        return "pipx install --force"
    if (prefix / "uv-receipt.toml").is_file():
        return "uv tool install --force"
    if installer == "uv":
        return "uv pip install" + ("" if _is_active(prefix) else f" --python {shlex.quote(sys.executable)}")
    return "pip install" if _is_active(prefix) else f"{shlex.quote(sys.executable)} -m pip install"


def _is_active(prefix: Path) -> bool:
    """Return whether a plain `pip` or `python3` is the one of this environment."""
    program = shutil.which("pip") or shutil.which("python3")
    return program is not None and Path(program).parent == prefix / "bin"


def _quote(text: str) -> str:
    """Return a text in single quotes, as examples have it: `[` and `@` are for a shell to take as they are."""
    return "'" + text.replace("'", "'\"'\"'") + "'"

"""Small wheels made for a test, with whatever a test wants in them."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ovenbird_builder.locking.wheelhouse import Wheel


@dataclass(frozen=True)
class Target:
    """A Python in a place of its own."""

    version: str = "3.12.1"
    executable: str = "/opt/conda/bin/python3.12"
    purelib: str = "/opt/conda/lib/python3.12/site-packages"
    platlib: str = "/opt/conda/lib/python3.12/site-packages"
    scripts: str = "/opt/conda/bin"
    data: str = "/opt/conda"
    include: str = "/opt/conda/include/python3.12"
    soabi: str = "cpython-312-x86_64-linux-gnu"
    magic: str = "cb0d0d0a"
    distributions: dict[str, str] = field(default_factory=dict)


def wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    files: Mapping[str, str | bytes] | None = None,
    *,
    executable: tuple[str, ...] = (),
    scripts: Mapping[str, str] | None = None,
    pure: bool = True,
) -> Wheel:
    """Write a wheel; `files` are by their names in it, `scripts` console scripts by name."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    content = {key: text.encode() if isinstance(text, str) else text for key, text in (files or {}).items()}
    content[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    root = str(pure).lower()
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nRoot-Is-Purelib: {root}\nTag: py3-none-any\n".encode()
    if scripts:
        lines = [f"{key} = {target}" for key, target in scripts.items()]
        content[f"{info}/entry_points.txt"] = "\n".join(["[console_scripts]", *lines, ""]).encode()
    rows = [
        f"{key},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
        for key, data in content.items()
    ]
    content[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    path = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, data in content.items():
            member = zipfile.ZipInfo(key, (1980, 1, 1, 0, 0, 0))
            member.external_attr = (0o100755 if key in executable else 0o100644) << 16
            archive.writestr(member, data)
    return Wheel(name, version, path.name, path, hashlib.sha256(path.read_bytes()).hexdigest())

"""Ovenbird's own wheel, made from the package as it is installed: the runtime alone, without the builder."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from email.message import Message
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path

import ovenbird.errors

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can hold
_KEPT = ("Metadata-Version", "Name", "Version", "Summary", "License-Expression", "License-File", "Requires-Python")
_EXTRAS = ("platform", "reload")  # the builder's own stays behind


def build_runtime_wheel(into: Path) -> Path:
    """Write the wheel of the runtime into the folder `into`; return its path. The same code gives the same bytes."""
    version = metadata.version("ovenbird")
    files = _collect_files() | _make_dist_info(version)
    info = f"ovenbird-{version}.dist-info"
    rows = [f"{name},sha256={_encode_digest(content)},{len(content)}" for name, content in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    path = into / f"ovenbird-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr, entry.create_system = 0o100644 << 16, 3
            archive.writestr(entry, content)  # stored: compressed bytes would depend on zlib's version
    return path


def _collect_files() -> dict[str, bytes]:
    """Return the package's files by their name in the wheel, sorted."""
    root = Path(str(ovenbird.errors.__file__)).parent
    paths = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"ovenbird/{path.relative_to(root).as_posix()}": path.read_bytes() for path in paths}


def _make_dist_info(version: str) -> dict[str, bytes]:
    """Return the files of the dist-info but RECORD."""
    info = f"ovenbird-{version}.dist-info"
    distribution = metadata.distribution("ovenbird")
    files = {
        f"{info}/METADATA": _make_metadata(HeaderParser().parsestr(distribution.read_text("METADATA") or "")),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: ovenbird\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": b"[console_scripts]\novenbird = ovenbird.__main__:main\n",
    }
    if (text := distribution.read_text("licenses/LICENSE")) is not None:
        files[f"{info}/licenses/LICENSE"] = text.encode()
    return files


def _make_metadata(full: Message) -> bytes:
    """Return the headers that say what the runtime is and needs: not the builder's needs, and not the README."""
    lines = [f"{name}: {full[name]}" for name in _KEPT if full[name]]
    needs = [need for need in full.get_all("Requires-Dist", []) if "extra ==" not in need]
    lines += [f"Requires-Dist: {need}" for need in needs]
    for extra in _EXTRAS:
        lines.append(f"Provides-Extra: {extra}")
        needs = [need for need in full.get_all("Requires-Dist", []) if f"extra == '{extra}'" in need.replace('"', "'")]
        lines += [f"Requires-Dist: {need}" for need in needs]
    return "\n".join([*lines, "", ""]).encode()


def _encode_digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()

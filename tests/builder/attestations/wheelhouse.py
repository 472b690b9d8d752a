"""Small wheels for tests, made by hand."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from ovenbird_builder.attestations.image_packages import ImagePackage, read_package


def wheel(folder: Path, name: str, version: str = "1.0", *headers: str) -> ImagePackage:
    """Write a wheel file with the given METADATA headers and return the ImagePackage that is read from it."""
    path = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    lines = ("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *headers)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name.replace('-', '_')}-{version}.dist-info/METADATA", "\n".join(lines) + "\n\nText.\n")
    return read_package(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())

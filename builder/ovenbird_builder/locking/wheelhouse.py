"""Wheels kept by the digest of their content, and which of them a pin takes on a target.

    wheels/files/<hex>/<file name>   a wheel
    wheels/keys/<hex>.json           which wheel a key gave

A file appears by rename once it is whole. A wheel is hashed when it is put here, and again when its size or its times
are not what they were; what is not itself any more is dropped.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ovenbird.common.atomic_files import write_file
from ovenbird.common.hashing import hash_file
from ovenbird.common.text import show_value

from ..errors import DiskFullError, HashError
from ..host.atomic_folders import fill_folder
from ..host.disk import guard_cache_writes

if TYPE_CHECKING:
    from packaging.tags import Tag


class Wheel(Struct, frozen=True):
    """A wheel at hand: normalised name, version, file name, where it lies, SHA-256 in hex."""

    name: str
    version: str
    filename: str
    path: Path
    sha256: str


class Wheelhouse(Struct, frozen=True):
    """The wheels of a cache."""

    cache: Path

    def find(self, sha256: str) -> Wheel | None:
        """Return the wheel with this digest, verified; None when it is not here, or when that is no digest."""
        if not re.fullmatch("[0-9a-f]{64}", sha256):  # of a note that is damaged: it must not name another folder
            return None
        folder = self.cache / "wheels" / "files" / sha256
        try:
            path = next((path for path in folder.iterdir() if path.suffix == ".whl"), None)
            if path is None or not _is_unchanged(path, sha256):
                shutil.rmtree(folder, ignore_errors=True)
                return None
            with contextlib.suppress(OSError):
                os.utime(folder)  # `cache prune` keeps what is used
            return describe_wheel(path, sha256)
        except OSError:
            return None

    def put(self, path: Path) -> Wheel:
        """Add a wheel (by rename on the same filesystem) and return the stored file. Errors: DiskFullError."""
        sha256 = hash_file(path)
        files = self.cache / "wheels" / "files"
        stored = self.find(sha256)
        with guard_cache_writes(files):
            if stored:
                path.unlink()
                return stored
            with fill_folder(files / sha256) as folder:
                shutil.move(path, folder / path.name)
                (folder / path.name).chmod(0o644)
                _write_stamp(folder / path.name)
        stored = self.find(sha256)
        if not stored:
            raise DiskFullError(f"{path.name} vanished from {show_value(str(files))} while it was put there")
        return stored

    def note(self, key: str, value: dict[str, str]) -> None:
        """Store the value of a key. Errors: DiskFullError."""
        keys = self.cache / "wheels" / "keys"
        with guard_cache_writes(keys):
            keys.mkdir(parents=True, exist_ok=True)
            write_file(keys / f"{key}.json", json.dumps(value, sort_keys=True).encode())

    def recall(self, key: str) -> dict[str, str]:
        """Return the value of a key; empty when there is none."""
        try:
            path = self.cache / "wheels" / "keys" / f"{key}.json"
            record = json.loads(path.read_text())
            with contextlib.suppress(OSError):
                os.utime(path)
        except (OSError, ValueError, RecursionError):
            return {}
        fits = isinstance(record, dict) and all(isinstance(value, str) for value in record.values())
        return record if fits else {}

    def find_best(self, hashes: Iterable[str], supported: list[Tag]) -> Wheel | None:
        """Return the wheel here, of these digests, that the tags like best."""
        from packaging.utils import parse_wheel_filename

        rank = {tag: number for number, tag in enumerate(supported)}
        wheels = [wheel for value in sorted(hashes) if (wheel := self.find(value.removeprefix("sha256:")))]
        fits = [
            (min(rank[tag] for tag in kinds), wheel.filename, wheel)
            for wheel in wheels
            if (kinds := [tag for tag in parse_wheel_filename(wheel.filename)[3] if tag in rank])
        ]
        return min(fits)[2] if fits else None


def describe_wheel(path: Path, sha256: str) -> Wheel:
    """Return a wheel by its file. Errors: HashError for a file name that no wheel has."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        name, version, *_ = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        raise HashError(f"{show_value(path.name)} is not the name of a wheel: {error}") from None
    return Wheel(str(name), str(version), path.name, path, sha256)


def _read_stamp(path: Path) -> str:
    about = path.stat()
    return f"{about.st_size} {about.st_mtime_ns}"


def _write_stamp(path: Path) -> None:
    write_file(path.with_name("stamp"), _read_stamp(path).encode())


def _is_unchanged(path: Path, sha256: str) -> bool:
    """Return whether a file is unchanged: by size and time, else by its content."""
    with contextlib.suppress(OSError):
        if path.with_name("stamp").read_text() == _read_stamp(path):
            return True
    if hash_file(path) != sha256:
        return False
    _write_stamp(path)
    return True

"""Digests of bytes, texts and files: SHA-256 for identities, MD5 for the platform's checksums."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

_CHUNK = 1024 * 1024
_SMALLEST = 16 * 1024  # files of /proc and the like have no size


def hash_bytes(content: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def hash_text(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 in hexadecimal digits. Errors: UnicodeEncodeError for lone surrogates."""
    return hash_bytes(text.encode())


def hash_file(path: Path, progress: Callable[[int], object] | None = None) -> str:
    """Return the SHA-256 of a file in hexadecimal digits, in constant memory. Errors: OSError.

    `progress` is called with the number of bytes that were read since its last call.
    """
    return _feed(hashlib.sha256(), path, progress)


def digest_bytes(content: bytes) -> str:
    """Return `sha256:<hex>` of bytes: the form of a digest in OCI images."""
    return f"sha256:{hash_bytes(content)}"


def digest_text(text: str) -> str:
    """Return `sha256:<hex>` of a text's UTF-8."""
    return f"sha256:{hash_text(text)}"


def digest_file(path: Path) -> str:
    """Return `sha256:<hex>` of a file. Errors: OSError."""
    return f"sha256:{hash_file(path)}"


def new_md5() -> _Hash:
    """Return a hash object; MD5 is the platform's checksum of transfers, not a protection, so FIPS builds allow it."""
    return hashlib.md5(usedforsecurity=False)


def checksum_file(path: Path, progress: Callable[[int], object] | None = None) -> str:
    """Return `md5:<hex>` of a file, in constant memory: the platform's form. Errors: OSError."""
    return f"md5:{_feed(new_md5(), path, progress)}"


def _feed(hasher: _Hash, path: Path, progress: Callable[[int], object] | None) -> str:
    with path.open("rb", buffering=0) as file:
        buffer = bytearray(min(max(os.fstat(file.fileno()).st_size, _SMALLEST), _CHUNK))
        view = memoryview(buffer)
        while count := file.readinto(buffer):
            hasher.update(view[:count])
            if progress:
                progress(count)
    return hasher.hexdigest()

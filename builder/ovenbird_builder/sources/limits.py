"""How large a source may be, so that a bomb or a home directory does not fill the disk."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from ..errors import SpecError

_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}
RATIO = 200  # how much an archive may grow; text and code reach 20
RATIO_FROM = 32 * 1024 * 1024  # bytes below which no ratio is looked at


class Limits(Struct, frozen=True):
    """Bytes and number of files that a source may have."""

    size: int = 1024**3
    files: int = 100_000


def limits(environ: Mapping[str, str]) -> Limits:
    """The limits of the environment: `OVENBIRD_SOURCE_LIMIT` (1GiB) and `OVENBIRD_SOURCE_FILES` (100000).

    Errors: SpecError for a value that does not parse.
    """
    size = environ.get("OVENBIRD_SOURCE_LIMIT") or "1GiB"
    files = environ.get("OVENBIRD_SOURCE_FILES") or "100000"
    found = re.fullmatch(r"(\d{1,15})\s*([kmg]i?|)b?", size.strip().lower())
    if not found:
        raise SpecError(f"OVENBIRD_SOURCE_LIMIT: expected a size such as 500MB or 2GiB, found {size!r}")
    if not re.fullmatch(r"[1-9]\d{0,11}", files.strip()):
        raise SpecError(f"OVENBIRD_SOURCE_FILES: expected a whole number from 1, found {files!r}")
    return Limits(int(found[1]) * _UNITS[found[2]], int(files))


def told(size: int) -> str:
    """A number of bytes for people."""
    for unit, name in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"

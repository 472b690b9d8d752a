"""Unpack a zip into a source's folder, with what an image's layer cannot hold refused as well."""

from __future__ import annotations

from pathlib import Path

from ovenbird.common.source_limits import SIZE, SourceLimits
from ovenbird.common.zip_extract import ZipError, ZipLimits, extract_zip

from ..errors import SourceError, UnsafeSourceError
from .names import whiteout


def unpack(archive: Path, folder: Path, origin: str, limits: SourceLimits) -> None:
    """Unpack a zip into an empty folder. `origin` names it in errors. Its links are looked at with the settled tree.

    Errors: SourceError for a file that is no zip or is damaged; UnsafeSourceError for a member that leaves the
    folder, is no file, folder or link, comes twice, is encrypted, or makes the whole too large.
    """
    try:
        extract_zip(archive, folder, ZipLimits(limits.size, limits.files, SIZE), whiteout)
    except ZipError as error:
        kind = UnsafeSourceError if error.unsafe else SourceError
        raise kind(f"{origin}: {error.message}", hint=error.hint) from None

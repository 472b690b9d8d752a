"""Unpack an archive into a source's folder, and refuse names that an image's layer cannot hold."""

from __future__ import annotations

from pathlib import Path

from ovenbird.common.archive_checks import ArchiveError, ArchiveLimits
from ovenbird.common.archive_extract import FolderMissingError, extract_archive, find_root
from ovenbird.common.source_limits import SIZE, SourceLimits
from ovenbird.function_document import FunctionSpec

from ..errors import SourceError, SourceMissingError, UnsafeSourceError
from .path_rules import describe_whiteout


def unpack(
    archive: Path, folder: Path, origin: str, limits: SourceLimits, function: FunctionSpec, *, name: str = ""
) -> Path:
    """Unpack a zip or a tar into an empty folder. Return the folder in it that holds the function.

    `origin` names the archive in errors, `name` is its file's name. Its links are looked at with the settled tree.
    Errors: SourceError for a file that is no archive or is damaged; UnsafeSourceError for a member that leaves the
    folder, is no file, folder or link, comes twice, is encrypted, or makes the whole too large; SourceMissingError for
    a folder that is not in it.
    """
    module = function.handler.rpartition(":")[0] or function.default_module
    try:
        extract_archive(archive, folder, ArchiveLimits(limits.size, limits.files, SIZE), describe_whiteout, name=name)
        return find_root(folder, function.archive_folder, module)
    except FolderMissingError as error:
        raise SourceMissingError(f"{origin}: {error.message}", hint=error.hint) from None
    except ArchiveError as error:
        kind = UnsafeSourceError if error.unsafe else SourceError
        raise kind(f"{origin}: {error.message}", hint=error.hint) from None

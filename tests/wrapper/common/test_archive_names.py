"""How an address says that it leads to an archive, and to which folder in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ovenbird.common.archive_names import is_archive_name, split_folder
from ovenbird.function_document import FunctionSpec


@pytest.mark.parametrize(
    ("source", "path", "folder"),
    [
        ("app.zip#src", "app.zip", "src"),
        ("app.TAR.GZ#src/a/", "app.TAR.GZ", "src/a"),
        ("app.tgz#subdirectory=src", "app.tgz", "src"),
        ("a#b.zip", "a#b.zip", ""),
        ("a#b.py", "a#b.py", ""),
        ("zip+s3://b/app.zip#src", "zip+s3://b/app.zip", "src"),
        ("s3://b/a#b", "s3://b/a#b", ""),
        ("zip+https://h/x?a=1#src%20a", "zip+https://h/x?a=1", "src a"),
        ("https://h/x.zip#src", "https://h/x.zip", "src"),
        ("https://h/x.py#", "https://h/x.py", ""),
    ],
)
def test_a_folder_is_named_after_a_hash(source: str, path: str, folder: str) -> None:
    """The path of an archive or a URL ends at a `#`, and the folder follows; elsewhere `#` is part of a name."""
    assert split_folder(source) == (path, folder)
    assert FunctionSpec(Path(), "f", "fn", source=source).archive_folder == folder


def test_which_names_are_those_of_archives() -> None:
    """All that is unpacked, in any case; not a compressed file of another kind."""
    assert all(is_archive_name(f"a.{end}") for end in ("zip", "ZIP", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"))
    assert not any(is_archive_name(f"a.{end}") for end in ("py", "gz", "csv.gz", "zip.py", "7z"))

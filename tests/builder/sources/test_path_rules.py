"""Which names a tree may hold."""

from __future__ import annotations

import pytest

from ovenbird_builder.errors import UnsafeSourceError
from ovenbird_builder.sources import path_rules


@pytest.mark.parametrize("name", ["main.py", "a/b/c.txt", "ä/ö.py", "a b", "wh.x", "a/.whx", "..a", "a..", ".hidden"])
def test_an_ordinary_name_is_accepted(name: str) -> None:
    """Letters of any script, blanks, points: as a file of a folder and as a member of an archive."""
    path_rules.check_path(name, "source")
    assert path_rules.check_member(name, "source") == name


@pytest.mark.parametrize("name", [".wh.main.py", "a/.wh.b", ".wh..wh..opq"])
def test_a_name_that_deletes_in_a_layer_is_refused(name: str) -> None:
    """A file with the prefix `.wh.` would delete another file; the error has source and name."""
    for check in (path_rules.check_path, path_rules.check_member):
        with pytest.raises(UnsafeSourceError, match=r"source: the name .* means a deletion"):
            check(name, "source")


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "a/../b"])
def test_a_member_that_leaves_the_folder_is_refused(name: str) -> None:
    """By `..` or by a path from the root."""
    with pytest.raises(UnsafeSourceError, match="archive: the name"):
        path_rules.check_member(name, "archive")


def test_a_name_that_no_layer_holds_is_refused() -> None:
    """A name that is too long, or a path of too many folders."""
    for name in ("x" * 300, "/".join(["d"] * (path_rules.DEPTH + 2))):
        with pytest.raises(UnsafeSourceError, match="source: the name"):
            path_rules.check_path(name, "source")

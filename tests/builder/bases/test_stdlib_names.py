"""The table of the standard library is that of each version."""

from __future__ import annotations

import sys

import pytest

from ovenbird_builder.bases.stdlib_names import is_removed_in, list_stdlib_names

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_the_table_equals_that_of_this_python() -> None:
    """For the version that runs the tests; patches change nothing."""
    assert list_stdlib_names(HERE) == sys.stdlib_module_names


@pytest.mark.parametrize(
    ("version", "present", "absent"),
    [
        ("3.10", "imp", "tomllib"),
        ("3.12", "cgi", "distutils"),
        ("3.13", "_pyrepl", "cgi"),
        ("3.14.1", "annotationlib", "cgi"),
    ],
)
def test_versions_differ(version: str, present: str, absent: str) -> None:
    """Modules come and go; a full version will do."""
    names = list_stdlib_names(version)
    assert present in names
    assert absent not in names
    assert {"os", "sys", "json", "asyncio"} <= names


def test_an_unknown_version_uses_the_nearest_table() -> None:
    """A newer Python than this table knows, and what is no version."""
    assert list_stdlib_names("3.15") == list_stdlib_names("3.14")
    assert list_stdlib_names("") == list_stdlib_names("3.10")


def test_removed_modules_are_listed() -> None:
    """A warning can name the version that removed them."""
    assert is_removed_in("distutils", "3.12")
    assert not is_removed_in("distutils", "3.11")
    assert not is_removed_in("numpy", "3.12")
    assert not is_removed_in("os", "3.14")

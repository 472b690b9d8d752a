"""The runtime on a foreign base: the files beside its packages."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ovenbird_builder.layers.cache import Cache
from ovenbird_builder.layers.source import files_layer
from ovenbird_builder.layers.underlay import runtime_files, runtime_scheme


@dataclass(frozen=True)
class Target:
    """A Python in a place of its own."""

    version: str = "3.12.1"
    executable: str = "/opt/conda/bin/python3.12"
    purelib: str = "/opt/conda/lib/python3.12/site-packages"
    platlib: str = "/opt/conda/lib/python3.12/site-packages"
    scripts: str = "/opt/conda/bin"
    data: str = "/opt/conda"
    include: str = "/opt/conda/include/python3.12"
    soabi: str = "cpython-312-x86_64-linux-gnu"
    magic: str = "cb0d0d0a"
    distributions: dict[str, str] = field(default_factory=dict)


def test_the_runtime_lies_apart_and_behind_the_users_packages(cache: Cache) -> None:
    """Its packages are in /opt/ovenbird, named by a line in the interpreter's site-packages, run by its executable."""
    files = runtime_files(Target(), "root:x:0:0::/root:/bin/sh\n", "root:x:0:\n")
    assert runtime_scheme(Target()).purelib == "/opt/ovenbird/site"
    assert files["/opt/conda/lib/python3.12/site-packages/ovenbird.pth"].data == b"/opt/ovenbird/site\n"
    assert files["/opt/ovenbird/bin/ovenbird"].data.startswith(b"#!/opt/conda/bin/python3.12\n")
    assert files["/opt/ovenbird/bin/ovenbird"].executable
    assert files["/usr/local/bin/ovenbird"].link == "/opt/ovenbird/bin/ovenbird"
    assert files_layer(files, cache).size


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "ovenbird:x:999:\n"),
        ("root:x:0:", "root:x:0:\novenbird:x:999:\n"),
        ("root:x:0:\nsystemd:x:999:\n", "root:x:0:\nsystemd:x:999:\n"),
    ],
)
def test_the_group_is_added_unless_its_number_is_taken(before: str, after: str) -> None:
    """What the base has stays as it is."""
    assert runtime_files(Target(), "", before)["/etc/group"].data.decode() == after

"""The runtime on a foreign base: the files beside its packages."""

from __future__ import annotations

import pytest
from tests.wheels import Target

from ovenbird_builder.layers.cache import Cache
from ovenbird_builder.layers.source import files_layer
from ovenbird_builder.layers.underlay import runtime_files, runtime_scheme


def test_the_runtime_lies_apart_and_behind_the_users_packages(cache: Cache) -> None:
    """Its packages are in /opt/ovenbird, named by a line in the interpreter's site-packages, run by its executable."""
    files = runtime_files(Target(), "root:x:0:0::/root:/bin/sh\n", "root:x:0:\n")
    assert runtime_scheme(Target()).purelib == "/opt/ovenbird/site"
    assert files["/opt/conda/lib/python3.12/site-packages/ovenbird.pth"].data == b"/opt/ovenbird/site\n"
    assert files["/opt/ovenbird/bin/ovenbird"].data.startswith(b"#!/opt/conda/bin/python3.12\n")
    assert files["/opt/ovenbird/bin/ovenbird"].executable
    assert files["/usr/local/bin/ovenbird"].link == "/opt/ovenbird/bin/ovenbird"
    processor = files["/opt/nuclio/processor"]
    assert processor.data.startswith(b"#!/opt/conda/bin/python3.12\n")
    assert processor.data.endswith(b'sys.exit(main(["processor", *sys.argv[1:]]))\n')
    assert processor.executable
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

"""The runtime on a foreign base: the files other than its packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.wheels import Target

from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.layers.runtime_layers import make_runtime_files, make_runtime_scheme
from ovenbird_builder.layers.source import make_files_layer


def test_the_runtime_is_separate_and_behind_the_users_packages(cache: LayerCache) -> None:
    """Its packages are in /opt/ovenbird, named by a line in the interpreter's site-packages, run by its executable."""
    files = make_runtime_files(Target(), "root:x:0:0::/root:/bin/sh\n", "root:x:0:\n")
    assert make_runtime_scheme(Target()).purelib == "/opt/ovenbird/site"
    assert files["/opt/conda/lib/python3.12/site-packages/ovenbird.pth"].data == b"/opt/ovenbird/site\n"
    assert files["/opt/ovenbird/bin/ovenbird"].data.startswith(b"#!/opt/conda/bin/python3.12\n")
    assert files["/opt/ovenbird/bin/ovenbird"].executable
    assert files["/usr/local/bin/ovenbird"].link == "/opt/ovenbird/bin/ovenbird"
    processor = files["/opt/nuclio/processor"]
    assert processor.data.startswith(b"#!/opt/conda/bin/python3.12\n")
    assert processor.data.endswith(b'sys.exit(main(["processor", *sys.argv[1:]]))\n')
    assert processor.executable
    assert make_files_layer(files, cache).size


@pytest.mark.parametrize("name", ["json.py", "logging/__init__.py"])
def test_a_file_on_the_path_that_hides_a_module(name: str, tmp_path: Path) -> None:
    """The start does not crash: the file is refused by name, as in our base images."""
    source = tmp_path / "source"
    (source / name).parent.mkdir(parents=True)
    (source / "main.py").write_text("def handler(): return 1\n")
    (source / name).write_text("raise RuntimeError('the wrong module')\n")
    command = tmp_path / "ovenbird"
    command.write_bytes(
        make_runtime_files(Target(executable=sys.executable), "", "")["/opt/ovenbird/bin/ovenbird"].data
    )
    process = subprocess.run(
        [sys.executable, str(command), "check", "main.py"], cwd=source, env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    record = json.loads(process.stderr)
    assert (process.returncode, record["code"]) == (72, "load.shadow")
    assert str(source / name.partition("/")[0]) in record["message"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "ovenbird:x:999:\n"),
        ("root:x:0:", "root:x:0:\novenbird:x:999:\n"),
        ("root:x:0:\nsystemd:x:999:\n", "root:x:0:\nsystemd:x:999:\n"),
    ],
)
def test_the_group_is_added_unless_its_number_is_in_use(before: str, after: str) -> None:
    """The existing entries of the base stay."""
    assert make_runtime_files(Target(), "", before)["/etc/group"].data.decode() == after

"""The files of `ovenbird init` become an image."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from tests.engine import Images
from tests.jobs import Jobs

VERSION = "3.11"


@pytest.mark.timeout(400)
def test_a_starting_point_can_be_built(jobs: Jobs, base_images: Images, build_cache: Path) -> None:
    """As it is, strictly; the image holds the function, and neither its test nor the ignore file."""
    jobs.run_verb("init", "greeter")
    jobs.folder /= "greeter"
    document = jobs.folder / "function.yaml"
    ours = document.read_text().partition('python_version: "')[2].partition('"')[0]
    document.write_text(document.read_text().replace(ours, VERSION))  # that of the base which the tests have
    words = ("build", "--base", base_images[VERSION], "--cache-dir", str(build_cache))
    result = json.loads(jobs.run_verb(*words, "--strict", "--output", "oci:image"))
    blobs = Path(jobs.folder, "image/blobs/sha256")
    (source,) = [layer for layer in result["layers"] if layer["name"] == "source"]
    assert source["digest"].removeprefix("sha256:") in {path.name for path in blobs.iterdir()}
    assert result["warnings"] == []
    jobs.run_verb(*words, "--output", "oci:plain", "--compression", "gzip")
    names = set()
    for blob in (jobs.folder / "plain/blobs/sha256").iterdir():
        if tarfile.is_tarfile(blob):
            with tarfile.open(blob) as layer:
                names |= {name for name in layer.getnames() if name.startswith("shared/")}
    assert "shared/main.py" in names
    assert not {"shared/test_main.py", "shared/.ovenbirdignore", "shared/image"} & names

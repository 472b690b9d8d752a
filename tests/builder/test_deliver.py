"""What is there already is left alone, and only that."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest
from tests.builder.crate import Crate

from ovenbird_builder.deliver import deliver, present
from ovenbird_builder.outputs import Output
from ovenbird_builder.progress import Progress


@pytest.fixture
def crate(tmp_path: Path) -> Crate:
    return Crate(tmp_path / "cache")


def test_a_folder_has_an_image_when_name_and_content_are_the_same(crate: Crate, tmp_path: Path) -> None:
    """Not before it is delivered; not by another name, and not as another image."""
    one, told = Output("oci", str(tmp_path / "image")), io.StringIO()
    assert not present(one, crate.parcel(), crate.registry)
    deliver(one, crate.parcel(), crate.registry, crate.cache, Progress(told))
    assert told.getvalue().startswith(f"> write oci:{tmp_path / 'image'}\n")
    assert present(one, crate.parcel(), crate.registry)
    assert not present(one, crate.parcel("2"), crate.registry)
    assert not present(one, crate.parcel("1", "2"), crate.registry)
    assert not present(one, Crate(tmp_path / "other", b"two").parcel(), crate.registry)


@pytest.mark.parametrize("damage", ["manifest", "index", "gone"])
def test_a_folder_that_is_damaged_has_nothing(crate: Crate, tmp_path: Path, damage: str) -> None:
    """So that a build mends it."""
    place, one = tmp_path / "image", Output("oci", str(tmp_path / "image"))
    deliver(one, crate.parcel(), crate.registry, crate.cache, Progress(io.StringIO()))
    blob = place / "blobs" / "sha256" / crate.image.digest[7:]
    if damage == "manifest":
        blob.write_bytes(blob.read_bytes()[:-1])
    elif damage == "index":
        (place / "index.json").write_text('{"manifests": [{}]}')
    else:
        blob.unlink()
    assert not present(one, crate.parcel(), crate.registry)
    deliver(one, crate.parcel(), crate.registry, crate.cache, Progress(io.StringIO()))
    assert present(one, crate.parcel(), crate.registry)


def test_the_store_has_it_by_every_tag_or_not_at_all(tmp_path: Path, container_env: dict[str, str]) -> None:
    """A tag that is missing is reason to load it again."""
    crate = Crate(tmp_path / "cache", os.urandom(8))
    one, parcel = Output("store"), crate.parcel("a", "b")
    assert not present(one, parcel, crate.registry)
    try:
        deliver(one, parcel, crate.registry, crate.cache, Progress(io.StringIO()))
        assert present(one, parcel, crate.registry)
        assert not present(one, crate.parcel("b", "never"), crate.registry)
    finally:
        names = [tag.local for tag in parcel.tags]
        subprocess.run(["buildah", "rmi", *names], capture_output=True, check=False)


def test_an_archive_is_always_written(crate: Crate, tmp_path: Path) -> None:
    """Looking into it would take as long."""
    one = Output("oci-archive", str(tmp_path / "image.tar"))
    deliver(one, crate.parcel(), crate.registry, crate.cache, Progress(io.StringIO()))
    assert (tmp_path / "image.tar").is_file()
    assert not present(one, crate.parcel(), crate.registry)

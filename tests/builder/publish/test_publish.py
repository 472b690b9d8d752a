"""Only a destination that already has the image is left alone."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest
from tests.builder.shop import Shop

from ovenbird_builder.host.progress import Progress
from ovenbird_builder.publish.publish import is_published, write_output
from ovenbird_builder.request.destination import Destination


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "cache", b"one")


def test_a_folder_has_an_image_when_name_and_content_are_the_same(shop: Shop, tmp_path: Path) -> None:
    """Not before it is delivered; not by another name, and not as another image."""
    destination, output = Destination("oci", str(tmp_path / "image")), io.StringIO()
    assert not is_published(destination, shop.publication(), shop.registry)
    write_output(destination, shop.publication(), shop.registry, shop.cache, Progress(output))
    assert output.getvalue().startswith(f"> write oci:{tmp_path / 'image'}\n")
    assert is_published(destination, shop.publication(), shop.registry)
    assert not is_published(destination, shop.publication("2"), shop.registry)
    assert not is_published(destination, shop.publication("1", "2"), shop.registry)
    assert not is_published(destination, Shop(tmp_path / "other", b"two").publication(), shop.registry)


@pytest.mark.parametrize("damage", ["manifest", "index", "gone"])
def test_a_damaged_folder_does_not_count_as_published(shop: Shop, tmp_path: Path, damage: str) -> None:
    """So that a build mends it."""
    path, destination = tmp_path / "image", Destination("oci", str(tmp_path / "image"))
    write_output(destination, shop.publication(), shop.registry, shop.cache, Progress(io.StringIO()))
    blob = path / "blobs" / "sha256" / shop.image.digest[7:]
    if damage == "manifest":
        blob.write_bytes(blob.read_bytes()[:-1])
    elif damage == "index":
        (path / "index.json").write_text('{"manifests": [{}]}')
    else:
        blob.unlink()
    assert not is_published(destination, shop.publication(), shop.registry)
    write_output(destination, shop.publication(), shop.registry, shop.cache, Progress(io.StringIO()))
    assert is_published(destination, shop.publication(), shop.registry)


def test_the_store_has_it_by_every_tag_or_not_at_all(tmp_path: Path, container_env: dict[str, str]) -> None:
    """A tag that is missing is reason to load it again."""
    shop = Shop(tmp_path / "cache", os.urandom(8))
    destination, publication = Destination("store"), shop.publication("a", "b")
    assert not is_published(destination, publication, shop.registry)
    try:
        write_output(destination, publication, shop.registry, shop.cache, Progress(io.StringIO()))
        assert is_published(destination, publication, shop.registry)
        assert not is_published(destination, shop.publication("b", "never"), shop.registry)
    finally:
        names = [tag.local for tag in publication.tags]
        subprocess.run(["buildah", "rmi", *names], capture_output=True, check=False)


def test_an_archive_is_always_written(shop: Shop, tmp_path: Path) -> None:
    """Looking into it would take as long."""
    destination = Destination("oci-archive", str(tmp_path / "image.tar"))
    write_output(destination, shop.publication(), shop.registry, shop.cache, Progress(io.StringIO()))
    assert (tmp_path / "image.tar").is_file()
    assert not is_published(destination, shop.publication(), shop.registry)

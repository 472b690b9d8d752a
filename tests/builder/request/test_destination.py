"""Images as local files and folders: valid destinations, and atomic writes."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from tests.builder.shop import Shop

from ovenbird_builder.errors import BuildRequestError, DiskFullError, ImageError
from ovenbird_builder.layers.image_manifest import write_layout
from ovenbird_builder.publish.publish import PublishRequest
from ovenbird_builder.request.destination import Destination, parse_destination, write_image


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "cache", b"one")


def put(shop: Shop, output: Destination, publication: PublishRequest) -> None:
    write_image(
        output, shop.registry, write_layout(shop.cache, "image", publication.manifest, "image"), publication.tags
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected `store`, `registry`, `oci:DIR`"),
        ("store:x", "expected `store`"),
        ("oci:", "expected `store`"),
        ("tar:x", "expected `store`"),
        ("oci:a:1", "a path with a colon"),
    ],
)
def test_an_invalid_output_is_refused(text: str, words: str) -> None:
    """Before anything is built."""
    with pytest.raises(BuildRequestError, match=words):
        parse_destination(text)


def test_outputs_are_shown_as_they_were_written(tmp_path: Path) -> None:
    """The result and the log name them so."""
    for text in ("store", "registry", f"oci:{tmp_path}/image", f"docker-archive:{tmp_path}/image.tar"):
        assert str(parse_destination(text)) == text


def test_a_folder_has_every_tag_and_replaces_the_last_image(shop: Shop, tmp_path: Path) -> None:
    """The old image is removed, and no other file remains."""
    path = tmp_path / "out" / "image"
    path.parent.mkdir()
    other = Shop(tmp_path / "other", b"two")
    put(other, Destination("oci", str(path)), other.publication("old"))
    put(shop, Destination("oci", str(path)), shop.publication("1", "latest"))
    rows = json.loads((path / "index.json").read_text())["manifests"]
    assert {row["digest"] for row in rows} == {shop.image.digest}
    assert [row["annotations"]["org.opencontainers.image.ref.name"] for row in rows] == ["1", "latest"]
    assert not (path / "blobs" / "sha256" / other.image.digest[7:]).exists()
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_of_something_else_is_left_alone(shop: Shop, tmp_path: Path) -> None:
    """An empty folder is accepted."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "thesis.tex").touch()
    with pytest.raises(ImageError, match="is not an OCI layout"):
        put(shop, Destination("oci", str(folder)), shop.publication())
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]
    (folder / "thesis.tex").unlink()
    put(shop, Destination("oci", str(folder)), shop.publication())
    assert (folder / "oci-layout").is_file()


def test_an_archive_for_docker_holds_layers_that_docker_reads(shop: Shop, tmp_path: Path) -> None:
    """Decompressed from zstd and tagged; no other file remains."""
    path = tmp_path / "out" / "image.tar"
    path.parent.mkdir()
    put(shop, Destination("docker-archive", str(path)), shop.publication("1"))
    with tarfile.open(path) as archive:
        (about,) = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]  # it is a file
        (layer,) = about["Layers"]
        with tarfile.open(fileobj=archive.extractfile(layer), mode="r:") as inner:
            assert inner.extractfile("data").read() == b"one"  # type: ignore[union-attr]  # it is a file
    assert about["RepoTags"] == ["localhost/shop:1"]
    assert list(path.parent.iterdir()) == [path]


def test_a_destination_that_became_a_file_is_reported(shop: Shop, tmp_path: Path) -> None:
    """The file did not exist when the build began."""
    (tmp_path / "gone").touch()
    with pytest.raises(DiskFullError, match=r"--output: cannot write '.*/gone'"):
        put(shop, Destination("oci", str(tmp_path / "gone" / "image")), shop.publication())

"""Images are found in registries, the local store, folders and archives, and read without being pulled."""

from __future__ import annotations

import json
import tarfile
import uuid
from pathlib import Path

import pytest
from tests.builder import handmade
from tests.builder.handmade import Handmade
from tests.engine import skopeo

from ovenbird_builder.errors import BaseMissingError, BuildRequestError, DigestError, ReferenceFormatError
from ovenbird_builder.image_reader import layer_files
from ovenbird_builder.image_reader.resolve import ImageAccess, resolve_image

DOCUMENT = "/opt/ovenbird/function.yaml"


@pytest.fixture
def image(tmp_path: Path) -> Handmade:
    """An image as a build gives it."""
    return handmade.make_function(
        tmp_path / "image", handmade.make_base(tmp_path / "base", {"etc/base": b"1"}), "x/base:1"
    )


@pytest.fixture
def reach(container_env: dict[str, str]) -> ImageAccess:
    """How images are reached in the tests' own store."""
    import os

    return ImageAccess({**os.environ, **container_env}, platform="linux/amd64")


def test_a_file_that_is_named_without_its_form(image: Handmade, reach: ImageAccess, tmp_path: Path) -> None:
    """The error says what was found and how to write it."""
    (tmp_path / "notes.txt").write_text("a")
    with tarfile.open(tmp_path / "image.tar", "w") as tar:
        tar.add(tmp_path / "notes.txt", "notes.txt")
    for path, hint in (
        (image.folder, f"is a folder: oci:{image.folder} names the image in it"),
        (tmp_path / "image.tar", f"is a tar archive: oci-archive:{tmp_path}/image.tar names the image in it"),
        (tmp_path / "notes.txt", "is a text file, and no image"),
    ):
        with pytest.raises(ReferenceFormatError) as caught:
            resolve_image(str(path), reach)
        assert caught.value.hint.endswith(hint)
    with pytest.raises(ReferenceFormatError) as caught:
        resolve_image("", reach)
    assert "here is" not in caught.value.hint, "an empty name is not the current folder"


def test_it_is_the_same_everywhere(image: Handmade, registry: str, reach: ImageAccess, tmp_path: Path) -> None:
    """Digest, config and function document are the same for every location."""
    name = f"{registry}/find/{uuid.uuid4().hex}:1"
    stored = f"localhost/find-{uuid.uuid4().hex}:1"
    skopeo("copy", "--preserve-digests", f"oci:{image.folder}", f"docker://{name}")
    skopeo("copy", "--preserve-digests", f"oci:{image.folder}", f"oci-archive:{tmp_path / 'a.tar'}:app:1")
    skopeo("copy", "--preserve-digests", f"oci:{image.folder}", f"containers-storage:{stored}")
    locations = [name, f"docker://{name}", f"oci:{image.folder}", f"oci-archive:{tmp_path / 'a.tar'}",
              f"oci-archive:{tmp_path / 'a.tar'}:app:1", stored, f"containers-storage:{stored}"]  # fmt: skip
    try:
        for location in locations:
            reader = resolve_image(location, reach)
            assert reader.digest == image.digest, location
            assert reader.platform == ("linux", "amd64", ""), location
            assert layer_files.read_files(reader, [DOCUMENT, "/opt/none"]) == {DOCUMENT: handmade.DOCUMENT}, location
    finally:
        skopeo("delete", f"containers-storage:{stored}")


def test_a_name_that_the_registry_has_not_is_looked_for_in_the_store(
    image: Handmade, registry: str, reach: ImageAccess
) -> None:
    """For an image that was not pushed; if both lack it, the registry's error is reported."""
    name = f"{registry}/unpushed/{uuid.uuid4().hex}:1"
    skopeo("copy", "--preserve-digests", f"oci:{image.folder}", f"containers-storage:{name}")
    try:
        assert resolve_image(name, reach).name == f"containers-storage:{name}"
        with pytest.raises(BaseMissingError, match="in the registry"):
            resolve_image(f"docker://{name}", reach)
    finally:
        skopeo("delete", f"containers-storage:{name}")
    with pytest.raises(BaseMissingError, match="in the registry"):
        resolve_image(name, reach)


def test_an_image_of_another_platform_is_refused(image: Handmade, reach: ImageAccess) -> None:
    """An image that no index names is for one platform alone."""
    with pytest.raises(BaseMissingError, match=r"is for linux/amd64, not for linux/arm64"):
        resolve_image(f"oci:{image.folder}", ImageAccess(reach.environ, platform="linux/arm64"))


def test_an_index_is_read_for_one_platform(image: Handmade, reach: ImageAccess) -> None:
    """The requested platform is read; otherwise the error lists the existing ones."""
    row = json.loads((image.folder / "index.json").read_text())["manifests"][0]
    rows = [{**row, "platform": {"os": "linux", "architecture": name}} for name in ("arm64", "amd64")]
    (image.folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": rows}))
    assert resolve_image(f"oci:{image.folder}", reach).digest == image.digest
    with pytest.raises(BaseMissingError, match=r"no image for linux/s390x, but linux/amd64, linux/arm64"):
        resolve_image(f"oci:{image.folder}", ImageAccess(reach.environ, platform="linux/s390x"))


def test_an_unreadable_image_is_reported(tmp_path: Path, reach: ImageAccess) -> None:
    """Nothing there, no tar, a transport that is not read, and what is no name at all."""
    with pytest.raises(BaseMissingError, match=r"index\.json.*No such file"):
        resolve_image(f"oci:{tmp_path / 'none'}", reach)
    (tmp_path / "text").write_text("x" * 600)
    with pytest.raises(BaseMissingError, match="not a tar"):
        resolve_image(f"oci-archive:{tmp_path / 'text'}", reach)
    with pytest.raises(BuildRequestError, match="skopeo copy docker-archive:x"):
        resolve_image("docker-archive:x", reach)
    with pytest.raises(ReferenceFormatError, match="IMAGE"):
        resolve_image("No/Such Name", reach)
    with pytest.raises(BaseMissingError, match="local store"):
        resolve_image("localhost/none:1", reach)


def test_a_damaged_blob_is_reported(image: Handmade, reach: ImageAccess) -> None:
    """A manifest or layer that does not match its digest is refused."""
    layer = image.folder / "blobs/sha256" / image.layers[-1][7:]
    layer.write_bytes(b"no zstd")
    with pytest.raises(DigestError, match=image.layers[-1]):
        layer_files.read_files(resolve_image(f"oci:{image.folder}", reach), [DOCUMENT])
    (image.folder / "blobs/sha256" / image.digest[7:]).write_bytes(b"{}")
    with pytest.raises(DigestError, match=image.digest):
        resolve_image(f"oci:{image.folder}", reach)


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_the_topmost_file_counts(tmp_path: Path, reach: ImageAccess, compression: str) -> None:
    """A file that two layers hold is that of the upper one, in either compression."""
    image = handmade.make_image(tmp_path / "i", [{"a": b"old", "b": b"1"}, {"a": b"new"}], {}, compression=compression)
    assert layer_files.read_files(resolve_image(f"oci:{image.folder}", reach), ["/a", "/b"]) == {
        "/a": b"new",
        "/b": b"1",
    }
    assert layer_files.read_files(resolve_image(f"oci:{image.folder}", reach), ["/a", "/b"], above=1) == {"/a": b"new"}


def test_a_link_in_an_image_leads_nowhere(tmp_path: Path, reach: ImageAccess) -> None:
    """A file system whose folder is a link to this machine's does not show the files there."""
    from contextlib import nullcontext

    from ovenbird_builder.image_reader import ImageReader, local_store

    (tmp_path / "root").mkdir()
    (tmp_path / "secret").write_text("hush")
    (tmp_path / "root" / "opt").symlink_to(tmp_path)
    image = ImageReader(
        "x", "", b"{}", b"{}", local_store.open_no_blob, mount_root=lambda: nullcontext(tmp_path / "root")
    )
    assert layer_files.read_files(image, ["/opt/secret"]) == {}

"""Config, manifest and digest: computed from records alone, in OCI's format whatever the base's was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ovenbird.common.hashing import digest_bytes
from ovenbird_builder.cache.layer import Layer
from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.errors import BaseMissingError, IncompatibleBaseError, LayerError
from ovenbird_builder.layers.image_manifest import (
    ConfigChanges,
    choose_platform,
    make_index,
    predict_image,
    store_image,
    write_layout,
)
from ovenbird_builder.oci.media_types import LAYER

DOCKER = "application/vnd.docker"


def make_layer(number: int) -> Layer:
    digest = f"sha256:{number:064}"
    return Layer(f"sha256:{number:064x}", digest, digest, number, f"{LAYER}+zstd", f"layer {number}")


def make_base(docker: bool, **config: Any) -> tuple[bytes, bytes]:
    """Return the manifest and config of a base of two layers, in Docker's format or OCI's."""
    kind = f"{DOCKER}.image.rootfs.diff.tar.gzip" if docker else f"{LAYER}+gzip"
    rows = [{"mediaType": kind, "digest": f"sha256:{n}", "size": n} for n in (1, 2)]
    media = f"{DOCKER}.distribution.manifest.v2+json" if docker else "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": media, "config": {"digest": "sha256:c"}, "layers": rows}
    extra = {"docker_version": "20", "container_config": {"Cmd": ["x"]}} if docker else {}
    image_config = {
        "architecture": "amd64", "os": "linux", "created": "2020-01-01T00:00:00Z",
        "config": {"Env": ["PATH=/bin", "A=1"], "User": "root", "Labels": {"a": "b"}, **config},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:d1", "sha256:d2"]},
        "history": [{"created_by": "ADD"}, {"created_by": "RUN"}], **extra,
    }  # fmt: skip
    return json.dumps(manifest).encode(), json.dumps(image_config).encode()


CHANGES = ConfigChanges(
    env={"A": "2", "B": "x=y"}, labels={"c": "d"}, user="8877:999", cmd=("serve",), entrypoint=("/o",)
)


def test_the_digest_is_the_same_whatever_the_bases_format(cache: LayerCache) -> None:
    """Docker's media types and fields become OCI's; the digest is that of the bytes, predicted and assembled alike."""
    layers = [make_layer(1), make_layer(2)]
    images = [predict_image(*make_base(docker), layers, CHANGES, {"k": "v"}, 0) for docker in (True, False)]
    assert images[0] == images[1]
    assert images[0].digest == digest_bytes(images[0].manifest)
    assert store_image(predict_image(*make_base(True), layers, CHANGES, {"k": "v"}, 0), cache) == images[0]
    assert cache.read(images[0].digest) == images[0].manifest
    assert cache.read(images[0].config_digest) == images[0].config
    manifest = json.loads(images[0].manifest)
    assert DOCKER not in images[0].manifest.decode()
    assert [row["size"] for row in manifest["layers"]] == [1, 2, 1, 2]
    assert manifest["annotations"] == {"k": "v"}


def test_the_config_holds_the_bases_and_the_changes() -> None:
    """Variables are replaced in place, labels added, what is not named stays; each layer has its line of history."""
    config = json.loads(
        predict_image(*make_base(True, WorkingDir="/w", Image="sha256:x"), [make_layer(1)], CHANGES, {}, 86400).config
    )
    assert config["created"] == "1970-01-02T00:00:00Z"
    assert config["config"] == {
        "Env": ["PATH=/bin", "A=2", "B=x=y"], "User": "8877:999", "Labels": {"a": "b", "c": "d"},
        "WorkingDir": "/w", "Cmd": ["serve"], "Entrypoint": ["/o"],
    }  # fmt: skip
    assert config["rootfs"]["diff_ids"] == ["sha256:d1", "sha256:d2", make_layer(1).diff_id]
    assert config["history"][2] == {
        "created": "1970-01-02T00:00:00Z", "created_by": "ovenbird: layer 1", "comment": make_layer(1).key,
    }  # fmt: skip
    assert "docker_version" not in config
    assert "container_config" not in config


def test_each_input_changes_the_digest() -> None:
    """Epoch, layers, changes and annotations all count."""
    digests = {
        predict_image(*make_base(False), layers, changes, notes, epoch).digest
        for layers, changes, notes, epoch in (
            ([make_layer(1)], CHANGES, {}, 0), ([make_layer(2)], CHANGES, {}, 0),
            ([make_layer(1)], ConfigChanges(), {}, 0),
            ([make_layer(1)], CHANGES, {"a": "b"}, 0), ([make_layer(1)], CHANGES, {}, 1),
        )
    }  # fmt: skip
    assert len(digests) == 5


def test_a_base_that_cannot_be_used_is_refused() -> None:
    """Too many layers, an old format, and a manifest that does not fit its config end with a reason."""
    manifest, config = make_base(False)
    with pytest.raises(LayerError, match="more than the 127"):
        predict_image(manifest, config, [make_layer(1)] * 126, ConfigChanges(), {}, 0)
    with pytest.raises(IncompatibleBaseError, match="2 layers in its manifest, 0 in its config"):
        predict_image(manifest, b"{}", [], ConfigChanges(), {}, 0)
    with pytest.raises(IncompatibleBaseError, match="format"):
        predict_image(b'{"schemaVersion": 1}', config, [], ConfigChanges(), {}, 0)
    with pytest.raises(IncompatibleBaseError, match="not JSON"):
        predict_image(manifest, b"<html>", [], ConfigChanges(), {}, 0)


def test_a_platform_is_chosen_from_a_list() -> None:
    """An OCI index and a Docker list give the manifest of an architecture, or an error lists the existing ones."""
    amd = predict_image(*make_base(False), [], ConfigChanges(), {}, 0)
    manifest, config = make_base(False)
    arm = predict_image(manifest, config.replace(b"amd64", b"arm64"), [], ConfigChanges(), {}, 0)
    both = make_index([arm, amd])
    assert both == make_index([amd, arm])
    assert choose_platform(both, "arm64") == arm.digest
    assert choose_platform(both, "amd64") == amd.digest
    assert choose_platform(amd.manifest, "amd64") == ""
    with pytest.raises(BaseMissingError, match="linux/amd64, linux/arm64"):
        choose_platform(both, "s390x")


def test_a_layout_names_its_image(cache: LayerCache) -> None:
    """The folder holds the two small files only; made again it names the new image."""
    for epoch in (0, 1):
        image = predict_image(*make_base(False), [], ConfigChanges(), {}, epoch)
        folder: Path = write_layout(cache, "image", image.manifest, "tag")
    assert sorted(path.name for path in folder.iterdir()) == ["index.json", "oci-layout"]
    row = json.loads((folder / "index.json").read_text())["manifests"][0]
    assert (row["digest"], row["size"]) == (image.digest, len(image.manifest))
    assert row["annotations"] == {"org.opencontainers.image.ref.name": "tag"}


def test_what_the_base_says_of_itself_alone_is_not_inherited() -> None:
    """Its license and version would pass for the image's; its other labels stay."""
    labels = {"org.opencontainers.image.licenses": "GPL-3.0", "org.opencontainers.image.version": "12", "vendor": "v"}
    changes = ConfigChanges(labels={"org.opencontainers.image.title": "f"}, without=("org.opencontainers.image.",))
    for config_changes, expected in (
        (changes, {"vendor": "v", "org.opencontainers.image.title": "f"}),
        (ConfigChanges(), labels),
    ):
        config = json.loads(
            predict_image(*make_base(False, Labels=labels), [make_layer(1)], config_changes, {}, 0).config
        )
        assert config["config"]["Labels"] == expected

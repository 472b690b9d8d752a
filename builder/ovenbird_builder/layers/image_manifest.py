"""A base and layers -> config, manifest and digest. Pure: the digest is known before a layer is made, if its digest is.

The base may be in Docker's format (schema 2) or OCI's; the result is OCI's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ovenbird.common.hashing import digest_bytes

from ..cache.layer import Layer
from ..cache.layer_cache import LayerCache
from ..errors import BaseMissingError, IncompatibleBaseError, LayerError
from ..host.canonical_json import encode_json
from ..host.epoch import format_epoch
from ..oci.media_types import CONFIG, INDEX, LISTS, MANIFEST, to_oci_layer

# what an OCI config may hold; Docker's `container_config`, `docker_version`, `id` and `parent` tell of a build
_KEPT = ("author", "architecture", "os", "os.version", "os.features", "variant", "config", "rootfs", "history")
MOST_LAYERS = 127


class _Platform(Struct):
    """A platform in an index."""

    os: str = ""
    architecture: str = ""
    variant: str | None = None


class _Descriptor(Struct):
    """A blob that a manifest or an index names."""

    digest: str
    media_type: str = msgspec.field(default="", name="mediaType")
    size: int = 0
    platform: _Platform | None = None


class _Manifest(Struct):
    """The form of a manifest or an index, as far as it is read here."""

    media_type: str | None = msgspec.field(default=None, name="mediaType")
    layers: list[_Descriptor] | None = None
    manifests: list[_Descriptor] | None = None


class _Settings(Struct):
    """The form of what a container is started with."""

    env: list[str] | None = msgspec.field(default=None, name="Env")
    labels: dict[str, str] | None = msgspec.field(default=None, name="Labels")
    ports: dict[str, Any] | None = msgspec.field(default=None, name="ExposedPorts")


class _Layers(Struct):
    """The form of the list of layers in a config."""

    diff_ids: list[str] | None = None


class _Config(Struct):
    """The form of a config, as far as it is read here."""

    config: _Settings | None = None
    rootfs: _Layers | None = None
    history: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class ConfigChanges:
    """What changes in the base's config; None leaves a field as it is. `env` and `labels` are added to the base's.

    Labels of the base that begin with one of `without` describe the base alone, and are dropped.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    user: str | None = None
    workdir: str | None = None
    stop_signal: str | None = None
    ports: tuple[str, ...] = ()


class AssembledImage(Struct, frozen=True):
    """An image to be or in the cache: the bytes of its manifest and config, and their digests."""

    digest: str
    manifest: bytes
    config: bytes
    config_digest: str
    platform: Mapping[str, str]

    def measure(self) -> int:
        """Return the bytes of all layers, as a registry holds them: those of the base too."""
        return sum(row.size for row in msgspec.json.decode(self.manifest, type=_Manifest).layers or ())


def predict_image(
    base_manifest: bytes,
    base_config: bytes,
    layers: Sequence[Layer],
    changes: ConfigChanges,
    annotations: Mapping[str, str],
    epoch: int,
) -> AssembledImage:
    """Return the image that a base and layers give; `epoch` (seconds) is when it is said to be made.

    Errors: LayerError when a container runtime would not take as many layers; IncompatibleBaseError for a broken base.
    """
    manifest, config = _parse(base_manifest, "manifest"), _parse(base_config, "config")
    rows = [_convert_layer(row) for row in manifest.get("layers") or ()]
    diff_ids = list((config.get("rootfs") or {}).get("diff_ids") or ())
    if len(rows) != len(diff_ids):
        raise IncompatibleBaseError(
            f"the base is broken: {len(rows)} layers in its manifest, {len(diff_ids)} in its config"
        )
    if len(rows) + len(layers) > MOST_LAYERS:
        raise LayerError(
            f"{len(rows)} layers of the base and {len(layers)} above it are more than the {MOST_LAYERS} that can run"
        )
    rows += [{"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size} for layer in layers]
    created = format_epoch(epoch)
    new = {name: config[name] for name in _KEPT if name in config}
    new["created"] = created
    new["config"] = _change_config(config.get("config") or {}, changes)
    new["rootfs"] = {"type": "layers", "diff_ids": [*diff_ids, *(layer.diff_id for layer in layers)]}
    new["history"] = [*(config.get("history") or ()), *(_make_history(layer, created) for layer in layers)]
    config_data = encode_json(new)
    about = {"mediaType": CONFIG, "digest": digest_bytes(config_data), "size": len(config_data)}
    result: dict[str, Any] = {"schemaVersion": 2, "mediaType": MANIFEST, "config": about, "layers": rows}
    if annotations:
        result["annotations"] = dict(annotations)
    data = encode_json(result)
    platform = {name: str(config[name]) for name in ("architecture", "os", "variant") if config.get(name)}
    return AssembledImage(digest_bytes(data), data, config_data, str(about["digest"]), platform)


def store_image(image: AssembledImage, cache: LayerCache) -> AssembledImage:
    """Return the image, with its manifest and config in the cache."""
    cache.put(image.config)
    cache.put(image.manifest)
    return image


def make_index(images: Iterable[AssembledImage], annotations: Mapping[str, str] | None = None) -> bytes:
    """Return an index of images for several platforms, sorted by platform."""
    rows = [
        {"mediaType": MANIFEST, "digest": image.digest, "size": len(image.manifest), "platform": dict(image.platform)}
        for image in sorted(images, key=lambda image: sorted(image.platform.items()))
    ]
    result: dict[str, Any] = {"schemaVersion": 2, "mediaType": INDEX, "manifests": rows}
    if annotations:
        result["annotations"] = dict(annotations)
    return encode_json(result)


def write_layout(cache: LayerCache, name: str, manifest: bytes, tag: str = "") -> Path:
    """Return a folder that skopeo and buildah take as `oci:FOLDER[:tag]`, with the cache's blobs as shared blobs.

    `manifest` is an image's or an index; it is put into the cache.
    """
    row: dict[str, Any] = {
        "mediaType": json.loads(manifest)["mediaType"], "digest": cache.put(manifest), "size": len(manifest),
    }  # fmt: skip
    if tag:
        row["annotations"] = {"org.opencontainers.image.ref.name": tag}
    top = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [row]}
    return cache.write_layout(name, {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": encode_json(top)})


def choose_platform(manifest: bytes, architecture: str, variant: str = "") -> str:
    """Return the digest of the manifest for linux on an architecture, from a list or index; empty when it is no list.

    Errors: BaseMissingError when there is none.
    """
    document = _parse(manifest, "manifest")
    if document.get("mediaType") not in LISTS and "manifests" not in document:
        return ""
    platforms = [(row.get("platform") or {}, row["digest"]) for row in document.get("manifests") or ()]
    for platform, digest in platforms:
        fits = platform.get("os") == "linux" and platform.get("architecture") == architecture
        if fits and variant in ("", platform.get("variant", "")):
            return str(digest)
    available = sorted({f"{p.get('os')}/{p.get('architecture')}" for p, _ in platforms})
    raise BaseMissingError(f"the base has no image for linux/{architecture}, only for {', '.join(available)}")


def _parse(data: bytes, label: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(data)  # which takes no halves of characters, as `json` does
    except (ValueError, RecursionError) as error:
        raise IncompatibleBaseError(f"the base's {label} is not JSON: {error}") from None
    if not isinstance(value, dict) or (label == "manifest" and value.get("schemaVersion") != 2):
        raise IncompatibleBaseError(f"the base's {label} is in a format that is not known here")
    try:
        msgspec.convert(value, _Manifest if label == "manifest" else _Config)
    except msgspec.ValidationError as error:
        raise IncompatibleBaseError(f"the base's {label} is broken: {error}") from None
    return value


def _convert_layer(row: Mapping[str, Any]) -> dict[str, Any]:
    media_type = row.get("mediaType", "")
    fields = {name: row[name] for name in ("digest", "size", "urls", "annotations") if row.get(name)}
    return {"mediaType": to_oci_layer(media_type), **fields}


def _change_config(config: Mapping[str, Any], changes: ConfigChanges) -> dict[str, Any]:
    env = {name: text for name, _, text in (row.partition("=") for row in config.get("Env") or ())} | dict(changes.env)
    inherited = {
        name: text for name, text in (config.get("Labels") or {}).items() if not name.startswith(changes.without)
    }
    labels = inherited | dict(changes.labels)
    ports = dict(config.get("ExposedPorts") or {}) | {port: {} for port in changes.ports}
    fields = {
        "User": changes.user,
        "WorkingDir": changes.workdir,
        "StopSignal": changes.stop_signal,
        "Entrypoint": None if changes.entrypoint is None else list(changes.entrypoint),
        "Cmd": None if changes.cmd is None else list(changes.cmd),
        "Env": [f"{name}={text}" for name, text in env.items()] or None,
        "Labels": labels or None,
        "ExposedPorts": ports or None,
    }
    # Docker's `Image`, `Hostname` and the like tell of the container that a base was made in
    config_fields = {
        name: value for name, value in config.items() if value and name not in ("Image", "Hostname", "Domainname")
    }
    return config_fields | {name: value for name, value in fields.items() if value is not None}


def _make_history(layer: Layer, created: str) -> dict[str, str]:
    return {"created": created, "created_by": f"ovenbird: {layer.name}", "comment": layer.key}

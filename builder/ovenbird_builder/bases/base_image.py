"""The base of an image: found where its name says, taken into the cache once per digest."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from msgspec import Struct

from ovenbird.common.hashing import digest_bytes
from ovenbird.common.text import show_value
from ovenbird.errors import OvenbirdError

from ..cache.layer import compute_key
from ..cache.layer_cache import LayerCache
from ..errors import BaseMissingError, IncompatibleBaseError
from ..host.tempdirs import make_build_folder
from ..image_store.skopeo_client import SkopeoClient, read_layout_digest
from ..layers import MTIME
from ..layers.image_manifest import choose_platform, write_layout
from ..oci import reference
from ..oci.reference import ImageReference
from . import catalog
from .base_name import TRANSPORT, check_place, explain_unreadable

_BY_CONFIG = "config:"  # starts the identity of an image of the store


class BaseImage(Struct, frozen=True):
    """A base image in the cache: the name it was asked for by, its digest there, and its manifest and config (OCI)."""

    name: str
    digest: str
    manifest: bytes
    config: bytes
    platform: str

    @property
    def diff_ids(self) -> tuple[str, ...]:
        """Return the digests of its layers, uncompressed, from the bottom."""
        return tuple((json.loads(self.config).get("rootfs") or {}).get("diff_ids") or ())

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels of its config."""
        return dict((json.loads(self.config).get("config") or {}).get("Labels") or {})

    @property
    def created_at(self) -> int:
        """Return the time it was made, in seconds, not before 1980. No file that a step writes is dated later.

        A time that follows from the base and not from the commit: else each commit would run all steps again.
        """
        text = str(json.loads(self.config).get("created") or "")
        try:
            time = datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
        except ValueError:
            return MTIME
        return max(MTIME, int(time.timestamp()))

    def list_layer_repositories(self) -> dict[str, ImageReference]:
        """Return the layers by digest, each with the repository that has it; nothing for an image of this machine."""
        if TRANSPORT.fullmatch(self.name) and not self.name.startswith("docker://"):
            return {}
        repository = reference.parse_reference(self.name.removeprefix("docker://"), "--base")
        return {row["digest"]: repository for row in json.loads(self.manifest)["layers"]}


class _BaseLocation(Struct, frozen=True):
    """Where a base may be: `transport:details`, and whether that is a registry on this machine."""

    image: str
    repository: ImageReference | None = None

    @property
    def insecure(self) -> bool:
        return self.repository is not None and self.repository.loopback

    def identify(self, manifest: bytes, platform: str) -> str:
        """Return the digest that identifies the image: of its manifest, or of its config for an image in the store.

        The store rewrites an image's manifest when the same image comes again in other compression, as it does when
        steps run on it; its config is what it goes by.
        """
        chosen = choose_platform(manifest, platform.partition("/")[2]) or digest_bytes(manifest)
        if self.image.startswith("containers-storage:"):
            return f"{_BY_CONFIG}{json.loads(manifest)['config']['digest']}"
        return chosen

    def by_identity(self, identity: str) -> str:
        """Return the same name by a digest, which cannot move while the image is copied."""
        return f"docker://{self.repository.pin(identity).remote}" if self.repository else self.image


def resolve_base(
    name: str, platform: str, registry: SkopeoClient, cache: LayerCache, *, offline: bool = False
) -> BaseImage:
    """Return the base image `name` for a platform (`linux/amd64`), with its blobs in the cache.

    A name with a host is looked for in its registry, as the store may hold it with other compression and so another
    digest; in the store where the host is `localhost`, and where the registry does not have it. `offline`: no registry
    is asked, so such a name is one that the cache has.
    Errors: BaseMissingError, IncompatibleBaseError; those of `engine_errors`.
    """
    remembered = compute_key("base name", name=name, platform=platform)
    digest_noted = cache.recall(remembered)
    if digest_noted and (offline or "@sha256:" in name) and (base := _read_cached(name, digest_noted, platform, cache)):
        return base
    if offline and any(location.repository for location in _list_locations(name)):
        raise BaseMissingError(f"the base {show_value(name)} is not in the cache, and `--offline` fetches nothing")
    location, digest = _locate_base(name, platform, registry)
    base = _read_cached(name, digest, platform, cache) or _pull_base(name, location, digest, platform, registry, cache)
    if digest_noted != digest:
        cache.note(remembered, digest, f"base {name}")
    return base


def remember_base(name: str, platform: str, digest: str, manifest: str, cache: LayerCache) -> None:
    """Note that a base's blobs are in the cache, and by which name it was asked for: a bundle brings it so."""
    cache.note(compute_key("base", digest=digest, platform=platform), manifest, f"base {digest}")
    cache.note(compute_key("base name", name=name, platform=platform), digest, f"base {name}")


def _locate_base(name: str, platform: str, registry: SkopeoClient) -> tuple[_BaseLocation, str]:
    """Return where a base is, and its identity there."""
    check_place(name)
    locations, missing = _list_locations(name), None
    for location in locations:
        try:
            manifest = registry.read_manifest(location.image, insecure=location.insecure)
        except BaseMissingError as error:
            missing = missing or error
            continue
        except OvenbirdError as error:
            raise explain_unreadable(name, error) from None
        return location, location.identify(manifest, platform)
    raise BaseMissingError(
        f"there is no base {show_value(name)}: {_describe_errors(missing)}", hint=catalog.suggest_command(name)
    )


def _describe_errors(error: OvenbirdError | None) -> str:
    return error.message.rpartition(": ")[2] if error else ""


def _list_locations(name: str) -> list[_BaseLocation]:
    if match := TRANSPORT.fullmatch(name):
        if match[1] == "docker://":
            return [_locate_in_registry(reference.parse_reference(match[2], "--base"))]
        return [_BaseLocation(name)]
    parsed = reference.parse_reference(name, "--base")
    local = _BaseLocation(f"containers-storage:{parsed.local}")
    return [local] if parsed.host == "localhost" else [_locate_in_registry(parsed), local]


def _locate_in_registry(parsed: ImageReference) -> _BaseLocation:
    return _BaseLocation(f"docker://{parsed.remote}", parsed)


def _read_cached(name: str, digest: str, platform: str, cache: LayerCache) -> BaseImage | None:
    """Return the base of a digest, None unless all its blobs are in the cache."""
    manifest_digest = cache.recall(compute_key("base", digest=digest, platform=platform))
    manifest = cache.read(manifest_digest) if manifest_digest else None
    if manifest is None:
        return None
    rows = json.loads(manifest)
    config = cache.read(rows["config"]["digest"])
    if config is None or not all(_is_complete(row, cache) for row in rows["layers"]):
        return None
    if digest.startswith(_BY_CONFIG):
        digest = manifest_digest
    return BaseImage(name, digest, manifest, config, platform)


def _is_complete(row: dict[str, Any], cache: LayerCache) -> bool:
    try:
        return bool(cache.locate_blob(row["digest"]).stat().st_size == row["size"])
    except FileNotFoundError:
        return False


def _pull_base(
    name: str, location: _BaseLocation, digest: str, platform: str, registry: SkopeoClient, cache: LayerCache
) -> BaseImage:
    """Copy a base's blobs into the cache. A layout of its own, so that two builds do not write one index."""
    system, _, architecture = platform.partition("/")
    with cache.lock_key(compute_key("base pull", digest=digest)), make_build_folder(cache.root) as folder:
        if base := _read_cached(name, digest, platform, cache):
            return base
        image = location.by_identity(digest)
        registry.pull(image, folder / "base", insecure=location.insecure, platform=(system, architecture))
        manifest = read_layout_digest(folder / "base")
        cache.note(compute_key("base", digest=digest, platform=platform), manifest, f"base {name}")
        if data := cache.read(manifest):
            write_layout(
                cache, f"base-{manifest[7:31]}", data, "image"
            )  # says that its blobs are in use, for `cache prune`
    base = _read_cached(name, digest, platform, cache)
    if base is None:
        raise IncompatibleBaseError(f"the base {show_value(name)} arrived incomplete: {manifest}", hint="try again")
    about = json.loads(base.config)
    if about.get("architecture") not in (None, architecture):
        raise IncompatibleBaseError(
            f"the base {show_value(name)} is for {about.get('architecture')}, expected {platform}"
        )
    return base

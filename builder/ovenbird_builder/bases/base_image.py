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
from ..image_store.skopeo_client import SkopeoClient, layout_digest
from ..layers import MTIME
from ..layers.image_manifest import choose, layout
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
        """The digests of its layers, uncompressed, from the bottom."""
        return tuple((json.loads(self.config).get("rootfs") or {}).get("diff_ids") or ())

    @property
    def settings(self) -> dict[str, Any]:
        """What its config says of how it runs: Env, User, Labels, ..."""
        found: dict[str, Any] = json.loads(self.config).get("config") or {}
        return found

    @property
    def made(self) -> int:
        """When it was made, in seconds; not before 1980. No file that a step writes is dated later.

        A time that follows from the base and not from the commit: else each commit would run all steps again.
        """
        text = str(json.loads(self.config).get("created") or "")
        try:
            found = datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
        except ValueError:
            return MTIME
        return max(MTIME, int(found.timestamp()))

    def places(self) -> dict[str, ImageReference]:
        """The layers by digest, each with the repository that has it as far as the name says; none for a local one."""
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

    def identity(self, manifest: bytes, platform: str) -> str:
        """What tells the image from others: the digest of its manifest; of one in the store, that of its config.

        The store rewrites an image's manifest when the same image comes again in other compression, as it does when
        steps run on it; its config is what it goes by.
        """
        chosen = choose(manifest, platform.partition("/")[2]) or digest_bytes(manifest)
        if self.image.startswith("containers-storage:"):
            return f"{_BY_CONFIG}{json.loads(manifest)['config']['digest']}"
        return chosen

    def by_identity(self, identity: str) -> str:
        """The same, by a digest that cannot move while it is copied."""
        return f"docker://{self.repository.pinned(identity).remote}" if self.repository else self.image


def resolve_base(
    name: str, platform: str, registry: SkopeoClient, cache: LayerCache, *, offline: bool = False
) -> BaseImage:
    """The base `name` for a platform (`linux/amd64`).

    A name with a host is looked for in its registry, as the store may hold it with other compression and so another
    digest; in the store where the host is `localhost`, and where the registry does not have it.
    Errors: BaseMissingError, BaseUnfitError; those of `faults`.
    """
    remembered = compute_key("base name", name=name, platform=platform)
    known = cache.noted(remembered)
    if known and (offline or "@sha256:" in name) and (found := _read_cached(name, known, platform, cache)):
        return found
    if offline:
        raise BaseMissingError(f"the base {show_value(name)} is not in the cache, and --offline fetches nothing")
    place, digest = _locate_base(name, platform, registry)
    found = _read_cached(name, digest, platform, cache) or _pull_base(name, place, digest, platform, registry, cache)
    if known != digest:
        cache.note(remembered, digest, f"base {name}")
    return found


def remember_base(name: str, platform: str, digest: str, manifest: str, cache: LayerCache) -> None:
    """Note that a base's blobs are in the cache, and by which name it was asked for: a bundle brings it so."""
    cache.note(compute_key("base", digest=digest, platform=platform), manifest, f"base {digest}")
    cache.note(compute_key("base name", name=name, platform=platform), digest, f"base {name}")


def _locate_base(name: str, platform: str, registry: SkopeoClient) -> tuple[_BaseLocation, str]:
    """Where a base is, and its identity there."""
    check_place(name)
    places, missing = _list_locations(name), None
    for place in places:
        try:
            manifest = registry.manifest(place.image, insecure=place.insecure)
        except BaseMissingError as error:
            missing = missing or error
            continue
        except OvenbirdError as error:
            raise explain_unreadable(name, error) from None
        return place, place.identity(manifest, platform)
    raise BaseMissingError(
        f"there is no base {show_value(name)}: {_describe_errors(missing)}", hint=catalog.suggest_command(name)
    )


def _describe_errors(error: OvenbirdError | None) -> str:
    return error.message.rpartition(": ")[2] if error else ""


def _list_locations(name: str) -> list[_BaseLocation]:
    if found := TRANSPORT.fullmatch(name):
        if found[1] == "docker://":
            return [_registry_location(reference.parse_reference(found[2], "--base"))]
        return [_BaseLocation(name)]
    parsed = reference.parse_reference(name, "--base")
    local = _BaseLocation(f"containers-storage:{parsed.local}")
    return [local] if parsed.host == "localhost" else [_registry_location(parsed), local]


def _registry_location(parsed: ImageReference) -> _BaseLocation:
    return _BaseLocation(f"docker://{parsed.remote}", parsed)


def _read_cached(name: str, digest: str, platform: str, cache: LayerCache) -> BaseImage | None:
    """The base of a digest, when all its blobs are here."""
    manifest_digest = cache.noted(compute_key("base", digest=digest, platform=platform))
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
        return bool(cache.blob(row["digest"]).stat().st_size == row["size"])
    except FileNotFoundError:
        return False


def _pull_base(
    name: str, place: _BaseLocation, digest: str, platform: str, registry: SkopeoClient, cache: LayerCache
) -> BaseImage:
    """Copy a base's blobs into the cache. A layout of its own, so that two builds do not write one index."""
    system, _, architecture = platform.partition("/")
    with cache.alone(compute_key("base pull", digest=digest)), make_build_folder(cache.root) as folder:
        if found := _read_cached(name, digest, platform, cache):
            return found
        image = place.by_identity(digest)
        registry.pull(image, folder / "base", insecure=place.insecure, platform=(system, architecture))
        manifest = layout_digest(folder / "base")
        cache.note(compute_key("base", digest=digest, platform=platform), manifest, f"base {name}")
        if data := cache.read(manifest):
            layout(cache, f"base-{manifest[7:31]}", data, "image")  # says that its blobs are in use, for `cache prune`
    made = _read_cached(name, digest, platform, cache)
    if made is None:
        raise IncompatibleBaseError(f"the base {show_value(name)} arrived incomplete: {manifest}", hint="try again")
    about = json.loads(made.config)
    if about.get("architecture") not in (None, architecture):
        raise IncompatibleBaseError(
            f"the base {show_value(name)} is for {about.get('architecture')}, expected {platform}"
        )
    return made

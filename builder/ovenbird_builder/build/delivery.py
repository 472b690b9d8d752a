"""Bring the images of a build, and the statements about them, to each output; check them before they get a name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ovenbird.common.hashing import digest_bytes

from ..layers.image_manifest import make_index
from ..publish.publish import PublishRequest, is_published, push_tags, write_output
from ..request.build_request import BuildRequest, detect_platform
from .environment import BuildEnvironment
from .execute import BuiltImage
from .last_build import make_memory_keys
from .prepare import PlatformBuild

if TYPE_CHECKING:
    from ..attestations.referrers import ReferrersUpdate
    from .attestations import BuildAttestations


def make_publication(
    request: BuildRequest, platform_builds: Sequence[PlatformBuild], built_images: Sequence[BuiltImage]
) -> PublishRequest:
    """Return the request to publish the one image, or the index of several."""
    repositories = {
        digest: repository
        for platform_build in platform_builds
        for digest, repository in platform_build.inputs.base.list_layer_repositories().items()
    }
    if len(built_images) == 1:
        return PublishRequest(
            built_images[0].image.manifest, built_images[0].image.digest, request.tags, mount_sources=repositories
        )

    manifest = make_index([built_image.image for built_image in built_images])
    return PublishRequest(manifest, digest_bytes(manifest), request.tags, index=True, mount_sources=repositories)


def deliver(
    request: BuildRequest,
    environment: BuildEnvironment,
    publication: PublishRequest,
    platform_builds: Sequence[PlatformBuild],
    built_images: Sequence[BuiltImage],
) -> tuple[list[str], tuple[BuildAttestations, ...]]:
    """Bring the image, and statements about it, to each output that does not have it; return these outputs."""
    destinations: list[str] = []
    issued: tuple[BuildAttestations, ...] = ()

    def issue_statements() -> tuple[BuildAttestations, ...]:
        from . import attestations  # an HTTP client and a parser of metadata: not for a build that delivers nothing

        return attestations.issue_attestations(
            platform_builds, built_images, platform_builds[0].inputs.epoch, environment.cache
        )

    edited = _is_edited(request, environment, platform_builds, built_images)
    outputs = [
        output for output in request.outputs if edited or not is_published(output, publication, environment.registry)
    ]
    with contextlib.ExitStack() as stack:
        allow = _begin_check(request, environment, platform_builds, built_images, stack) if outputs else None
        for output in outputs:
            if output.kind == "registry":
                issued = _push(request, environment, publication, issue_statements, allow)
            else:
                environment.stage_images.wait_loaded()
                write_output(output, publication, environment.registry, environment.cache, environment.progress, allow)
            if output.path:
                from . import attestations

                issued = issued or issue_statements()
                attestations.write_attestations(issued, Path(output.path))
            destinations.append(str(output))
    return destinations, issued


def _is_edited(
    request: BuildRequest,
    environment: BuildEnvironment,
    platform_builds: Sequence[PlatformBuild],
    built_images: Sequence[BuiltImage],
) -> bool:
    """Return whether some layers are new, of an image that was built here before: no output can have its digest.

    Then no registry and no store is asked, which takes a tenth of a build.
    """
    hits = {layer.cached for built_image in built_images for layer in built_image.layers}
    names = make_memory_keys(request, "last build", platform_builds[0].inputs.base.platform)
    return len(hits) == 2 or (hits == {False} and environment.cache.recall(names[0]) is not None)


def _begin_check(
    request: BuildRequest,
    environment: BuildEnvironment,
    platform_builds: Sequence[PlatformBuild],
    built_images: Sequence[BuiltImage],
    stack: contextlib.ExitStack,
) -> Callable[[], None] | None:
    """Begin to load the function in the image that can run here; return a function that waits for the result.

    It is called before the image gets a name, and raises CheckError. None where nothing is checked.
    """
    pair = next(
        (
            (platform_build, built_image)
            for platform_build, built_image in zip(platform_builds, built_images, strict=True)
            if platform_build.inputs.base.platform == detect_platform()
        ),
        None,
    )
    if not request.check or pair is None:
        return None
    from .image_check import CheckOptions, ImageCheck  # what runs a container: not for a build in which nothing changed
    from .slim_check import make_slim_check

    platform_build, built_image = pair
    losers = [row.name for row in platform_build.contents.left_out if row.files]
    options = CheckOptions(
        limit=request.timeout,
        repository=request.tags[0].repository,
        keep=all(output.kind != "store" for output in request.outputs),
        slim=make_slim_check(platform_build.inputs, losers, environment.cache),
    )
    check = ImageCheck(built_image, platform_build.inputs.base, environment, options)
    stack.callback(check.close)
    check.begin()

    def allow() -> None:
        with environment.progress.stage("check: load the function in the image"):
            check.finish()

    return allow


def _push(
    request: BuildRequest,
    environment: BuildEnvironment,
    publication: PublishRequest,
    issue: Callable[[], tuple[BuildAttestations, ...]],
    allow: Callable[[], None] | None,
) -> tuple[BuildAttestations, ...]:
    """Push the image and the statements about it, which are made while the layers are uploaded."""

    def attach(wait: Callable[[], None]) -> tuple[tuple[BuildAttestations, ...], list[ReferrersUpdate]]:
        from . import attestations

        issued = issue()
        wait()
        return issued, attestations.attach_attestations(issued, request.tags, environment.registry)

    with environment.progress.stage(f"push {', '.join(map(str, request.tags))} with bill of materials and provenance"):
        issued, attached = push_tags(publication, environment.registry, environment.cache, attach, allow)
        for attestation in attached:
            # the first list can only be written by builders of the same image, who write the same
            if not attestation.first:
                attestation.settle()
    return issued

"""What a build works with: cache, registry, store and a folder of its own; all closed at its end."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from ..bases.base_image import BaseImage
from ..cache.layer_cache import LayerCache
from ..host.progress import Progress
from ..host.tempdirs import make_build_folder
from ..image_store.skopeo_client import SkopeoClient
from ..image_store.stage_images import StageImages, open_stage_images
from ..oci.reference import ImageReference
from ..registry.auth_file import write_auth_file
from ..request.build_request import BuildRequest


class BuildEnvironment(Struct, frozen=True):
    """`folder` is empty and gone afterwards; `warnings` gathers what modules below log, for the result.

    `bases` holds those that were found, by name and platform: of several functions each has the same.
    """

    cache: LayerCache
    registry: SkopeoClient
    stage_images: StageImages
    folder: Path
    environ: Mapping[str, str]
    progress: Progress
    warnings: list[str]
    bases: dict[tuple[str, str], BaseImage]


@contextlib.contextmanager
def open_environment(
    request: BuildRequest, environ: Mapping[str, str], progress: Progress, *, tags: Sequence[ImageReference] = ()
) -> Iterator[BuildEnvironment]:
    """Yield the environment of one build, or of several that have the tags `tags`.

    Errors: DiskFullError; BuildRequestError for credentials that cannot be read.
    """
    hosts = tuple(dict.fromkeys(tag.repository.partition("/")[0] for tag in tags or request.tags))
    with contextlib.ExitStack() as stack:
        cache = LayerCache(request.cache)
        stack.callback(cache.close)
        login = stack.enter_context(write_auth_file(request.authfile, request.creds_file, hosts, environ))
        registry = SkopeoClient(
            cache.blobs, environ, request.network, login, request.timeout or None, tell=progress.say
        )  # fmt: skip
        images = stack.enter_context(open_stage_images(registry, cache))
        folder = stack.enter_context(make_build_folder(cache.root))
        warnings = stack.enter_context(_record_warnings(progress))
        yield BuildEnvironment(cache, registry, images, folder, environ, progress, warnings, {})


class _Handler(logging.Handler):
    """Shows warnings as they come, and keeps each once."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self.progress, self.found = progress, list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self.found:
            self.found.append(text)
            self.progress.say(f"warning: {text}")


@contextlib.contextmanager
def _record_warnings(progress: Progress) -> Iterator[list[str]]:
    handler, log = _Handler(progress), logging.getLogger("ovenbird")
    before = log.propagate
    log.addHandler(handler)
    log.propagate = False
    try:
        yield handler.found
    finally:
        log.removeHandler(handler)
        log.propagate = before

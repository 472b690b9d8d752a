"""Images of the cache on their way into the local store, where steps run on them: loaded when first asked for."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from ovenbird.common.hashing import digest_bytes
from ovenbird.errors import OvenbirdError

from ..cache.layer_cache import LayerCache
from ..containers import buildah
from ..containers.working_container import LazyImage
from ..host import process
from ..host.process_id import format_process_id, has_ended
from ..layers.image_manifest import write_layout
from ..oci.reference import ImageReference
from .skopeo_client import SkopeoClient

_KEPT = "ovenbird-base"  # stays in the store: loading it again is what takes the time
_STAGE = "ovenbird-stage"  # removed at the end of the build; the tag ends with its process


@dataclass(slots=True)
class StageImages:
    """Where steps get their images from; `close` removes those that were made for one build."""

    registry: SkopeoClient
    cache: LayerCache
    _stages: set[str] = field(default_factory=set)
    _bases: dict[str, LazyImage] = field(default_factory=dict)
    _reaped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _loading: threading.Thread | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def load_image(self, manifest: bytes, *, keep: bool = False) -> str:
        """Return the name in the store of an image whose blobs are in the cache; loaded unless it is there."""
        digest = digest_bytes(manifest)
        own = "" if keep else f"-{format_process_id()}"
        name = ImageReference("localhost", _KEPT if keep else _STAGE, digest[7:31] + own)
        with self._lock:
            if not self._reaped:
                self._reap()
            if not keep:
                self._stages.add(name.local)
            if self.registry.find_stored(name) != digest:
                folder = write_layout(self.cache, f"{name.path}-{name.tag}", manifest, "image")
                self.registry.load(folder, name.local, stop=self._stop)
        return name.local

    @property
    def is_loading(self) -> bool:
        """Return whether an image is being loaded in the background."""
        return self._loading is not None and self._loading.is_alive()

    def begin_loading(self, manifest: bytes) -> None:
        """Load an image in the background: one that stands on its layers is loaded faster afterwards.

        What goes wrong is dropped: the load of the image that is wanted reports it.
        """
        self.wait_loaded()

        def load() -> None:
            with contextlib.suppress(OvenbirdError):
                self.load_image(manifest)

        self._loading = threading.Thread(target=load, name="load-layers", daemon=True)
        self._loading.start()

    def wait_loaded(self) -> None:
        """Wait for what is being loaded in the background: two that write the same layers would each write them."""
        if self._loading:
            self._loading.join()
            self._loading = None

    def get_base(self, manifest: bytes) -> LazyImage:
        """Return a base image that is loaded when something has to run on it, the same object each time.

        Most builds have nothing to run: even asking the store would take longer than all else that they do.
        """
        digest = digest_bytes(manifest)
        if digest not in self._bases:
            self._bases[digest] = LazyImage(lambda: self.load_image(manifest, keep=True))
        return self._bases[digest]

    def drop(self, name: str) -> None:
        """Remove an image that was kept from the store; the layers that others use stay."""
        process.run(buildah.remove_image(name), env=self.registry.environ, check=False)

    def close(self) -> None:
        """Remove the stages from the store; the layers that others use stay."""
        self._stop.set()
        self.wait_loaded()
        if self._stages:
            process.run(buildah.remove_image(*sorted(self._stages)), env=self.registry.environ, check=False)
            self._stages.clear()

    def _reap(self) -> None:
        """Remove the stages of builders that are gone: one that was killed could not do it itself."""
        self._reaped = True
        result = process.run(buildah.images(f"localhost/{_STAGE}"), env=self.registry.environ, check=False)
        names = [name for row in json.loads(result.stdout or "[]") or () for name in row.get("names") or ()]
        for name in names:
            _, pid, start = [*name.rpartition(":")[2].split("-"), "", ""][:3]
            if has_ended(pid, start):
                process.run(buildah.remove_image(name), env=self.registry.environ, check=False)


@contextlib.contextmanager
def open_stage_images(registry: SkopeoClient, cache: LayerCache) -> Iterator[StageImages]:
    """Return stage images that are removed at the end."""
    stage_images = StageImages(registry, cache)
    try:
        yield stage_images
    finally:
        stage_images.close()

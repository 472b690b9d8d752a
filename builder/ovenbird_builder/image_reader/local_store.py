"""Images of the local store, which podman and buildah share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from ovenbird.common.text import show_value

from ..containers import engine_errors, skopeo
from ..containers.working_container import open_container
from ..errors import BaseMissingError
from ..host import process


def read_manifest(name: str, environ: Mapping[str, str]) -> bytes:
    """Return the manifest as it was stored. Errors: BaseMissingError, EngineError."""
    return _run_skopeo(skopeo.manifest(f"containers-storage:{name}"), name, environ)


def read_config(name: str, environ: Mapping[str, str]) -> bytes:
    """Return the config as it was stored. Errors: BaseMissingError, EngineError."""
    return _run_skopeo(("skopeo", "inspect", "--config", "--raw", "--", f"containers-storage:{name}"), name, environ)


@contextmanager
def mount_root(name: str) -> Iterator[Path]:
    """Mount the file system of an image for a while, and yield its path; nothing is started."""
    with open_container(name, pull="never") as container, container.mount_root() as path:
        yield path


def open_no_blob(digest: str) -> AbstractContextManager[IO[bytes]]:
    """Raise BaseMissingError: the store keeps layers unpacked, so it has no blobs."""
    raise BaseMissingError(f"the local store does not keep the blob {digest}, only what was in it")


def _run_skopeo(argv: tuple[str, ...], name: str, environ: Mapping[str, str]) -> bytes:
    try:
        return process.run(argv, env=environ, timeout=60).stdout.encode()
    except process.ProcessFailedError as error:
        if engine_errors.classify_error(error) == "missing":
            raise BaseMissingError(f"the local store has no image {show_value(name)}") from None
        raise engine_errors.translate_error(error, f"look for {show_value(name)} in the local store") from None

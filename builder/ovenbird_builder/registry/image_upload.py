"""Upload blobs in parallel, mount blobs from other repositories where possible, then upload the manifest."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import IO, Any

from ..errors import RegistryError
from .client import RegistryConnectionError, RepositoryClient

_AT_ONCE = 4  # connections of a client
_PAUSES = (0.5, 1.0, 2.0)  # seconds before each further try


@dataclass(frozen=True, slots=True)
class BlobSource:
    """Where blobs come from.

    `open(digest)` reads a blob; `mount_sources` names, by digest, a repository of the registry that has it already.
    """

    open: Callable[[str], AbstractContextManager[IO[bytes]]]
    mount_sources: Mapping[str, str] = field(default_factory=dict)


def upload_image(
    repository: RepositoryClient,
    target: str,
    manifest: bytes,
    origin: BlobSource,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Push an image, or an index and its images, to a tag or digest, which is the last thing that is written.

    What breaks off is tried again, after telling so: blobs that have arrived are not sent twice.
    Errors: RegistryError, RegistryAuthError.
    """
    for tries, pause in enumerate((*_PAUSES, None), 1):
        try:
            _upload_blobs(repository, target, manifest, origin)
            return
        except RegistryConnectionError as error:
            if pause is None:
                raise RegistryError(f"{error.message} ({tries} tries)", hint=error.hint) from None
            tell(f"{error.message}; once more in {pause:g} s")
            time.sleep(pause)


def _upload_blobs(repository: RepositoryClient, target: str, manifest: bytes, origin: BlobSource) -> None:
    rows = json.loads(manifest)
    for row in rows.get("manifests", ()):
        with origin.open(row["digest"]) as stream:
            _upload_blobs(repository, row["digest"], stream.read(), origin)
    if "layers" in rows:
        blobs = {row["digest"]: row for row in (rows["config"], *rows["layers"])}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda row: _upload_blob(repository, row, origin), blobs.values()))
    repository.put_manifest(target, manifest, rows["mediaType"])


def _upload_blob(repository: RepositoryClient, row: Mapping[str, Any], origin: BlobSource) -> None:
    """Upload a blob, unless the repository has it or can mount it."""
    digest = row["digest"]
    repository_path = origin.mount_sources.get(digest, "")
    if repository.has_blob(digest) or (repository_path and repository.mount_blob(digest, repository_path)):
        return
    with origin.open(digest) as stream:
        repository.upload_blob(digest, stream, row["size"])

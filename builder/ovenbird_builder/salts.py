"""A secret of this cache alone, so that what is kept about a build secret lets nobody check a guess."""

from __future__ import annotations

import os
import secrets as randomness
from collections.abc import Iterable

from .layers.blobs import space
from .layers.cache import Cache
from .secrets import Secret

_LENGTH = 32


def identities(found: Iterable[Secret], cache: Cache) -> dict[str, str]:
    """What tells each secret's value from another, by its name. Errors: SpaceError."""
    found = tuple(found)
    if not found:
        return {}
    salt = _salt(cache)
    return {secret.name: secret.identity(salt) for secret in found}


def _salt(cache: Cache) -> bytes:
    path = cache.root / "secrets.key"
    while True:
        try:
            if len(data := path.read_bytes()) == _LENGTH:
                return data
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        with cache.draft() as draft, space(cache.root):
            draft.write(randomness.token_bytes(_LENGTH))
            os.fchmod(draft.file.fileno(), 0o600)
            try:
                os.link(draft.path, path)  # fails where another builder was quicker; then its salt counts
            except FileExistsError:
                continue

"""A secret of this cache alone, so that what is kept about a build secret lets nobody check a guess."""

from __future__ import annotations

from collections.abc import Iterable

from ..host.secrets import BuildSecret
from .layer_cache import LayerCache


def fingerprint_secrets(secrets: Iterable[BuildSecret], cache: LayerCache) -> dict[str, str]:
    """What tells each secret's value from another, by its name. Errors: DiskFullError."""
    secrets = tuple(secrets)
    if not secrets:
        return {}
    salt = cache.read_salt("secrets.key")
    return {secret.name: secret.identify(salt) for secret in secrets}

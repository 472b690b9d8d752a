"""A layer in the cache, and the key that it is found by: the digest of all that goes into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ovenbird.common.hashing import digest_bytes

from ..host.canonical_json import encode_json_ascii

FORMAT = 1  # part of every key: raised whenever the same inputs give other bytes


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer in the cache: compressed blob `digest` of `size` bytes, whose tar has the digest `diff_id`.

    `name` is for people ("numpy 2.1.0", "source"). `cached` tells that nothing had to be made, `seconds` what it took.
    """

    key: str
    digest: str
    diff_id: str
    size: int
    media_type: str
    name: str
    cached: bool = field(default=False, compare=False)
    seconds: float = field(default=0.0, compare=False)


def compute_key(kind: str, **inputs: Any) -> str:
    """Return the key of what `inputs` give, as `sha256:<hex>`; they are anything that JSON can hold, without floats."""
    return digest_bytes(encode_json_ascii({"kind": kind, "format": FORMAT, **inputs}))

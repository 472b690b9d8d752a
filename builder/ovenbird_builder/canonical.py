"""JSON whose bytes depend on its content only, its digest, and times that depend on the epoch only."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from typing import Any


def encode(value: Any) -> bytes:
    """The bytes of a JSON value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(data: bytes) -> str:
    """`sha256:<hex>` of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def moment(epoch: int) -> str:
    """RFC 3339 of seconds since 1970, in UTC."""
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def decode(data: bytes) -> Any:
    """The value of some JSON bytes."""
    return json.loads(data)

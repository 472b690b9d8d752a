"""Hashes of a requirement by another algorithm than the one of locks and indexes: checked at the file itself."""

from __future__ import annotations

import hashlib

from ..errors import LockError, NoWheelError
from .lock_format import Pin, make_lock
from .pip_container import ResolverContext
from .requirement_line import RequirementLine
from .wheel_fetch import fetch_wheels


def find_sha256(pin: Pin, line: RequirementLine, site: ResolverContext) -> str:
    """Return the hash of the wheel that a pin takes on the target, when `line` allows it by SHA-384 or SHA-512.

    Empty when it does not. Errors: LockError when there is no wheel; those of `fetch_wheels`.
    """
    try:
        (wheel,) = fetch_wheels(make_lock((pin,)), site, only_binary=True)
    except NoWheelError:
        raise LockError(
            f"{line.where}: {pin.name}=={pin.version} has no wheel for the target, so its"
            f" {line.hashes[-1].partition(':')[0]} cannot be compared",
            hint="name the sha256 of its source distribution",
        ) from None
    data = wheel.path.read_bytes()
    hashes = {f"{name}:{hashlib.new(name, data).hexdigest()}" for name in ("sha256", "sha384", "sha512")}
    return f"sha256:{wheel.sha256}" if hashes & set(line.hashes) else ""


def has_other_hash(line: RequirementLine) -> bool:
    """Return whether a requirement names a hash that no lock holds."""
    return any(not value.startswith("sha256:") for value in line.hashes)

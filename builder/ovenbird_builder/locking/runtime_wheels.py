"""The wheels of the runtime, for a base that does not bring it: by the hash-locked list of its Python, and our own."""

from __future__ import annotations

from pathlib import Path

from ovenbird.common.hashing import hash_file

from ..bases import catalog as bases
from ..bases import runtime_wheel
from ..errors import IncompatibleBaseError
from .lock_format import parse_lock
from .pip_container import ResolverContext
from .wheel_fetch import fetch_wheels
from .wheelhouse import Wheel, Wheelhouse, describe_wheel


def fetch_runtime_wheels(site: ResolverContext, folder: Path, *, offline: bool) -> tuple[Wheel, ...]:
    """Return the wheels of the runtime and of what it needs; `folder` is for our own on its way into the cache.

    Errors: IncompatibleBaseError for a Python that no list is known for; those of `fetch_wheels`.
    """
    path = bases.find_runtime_lock(site.interpreter.minor)
    if not path.is_file():
        raise IncompatibleBaseError(
            f"the runtime is not known to run under Python {site.interpreter.minor}", hint="`--python`, `--base`"
        )
    locked = parse_lock(path.read_text(encoding="utf-8"), path.name)
    needed = fetch_wheels(locked, site, offline=offline, only_binary=True)
    built = runtime_wheel.build_runtime_wheel(folder)
    sha256 = hash_file(built)
    own = Wheelhouse(site.cache).find(sha256) or describe_wheel(Wheelhouse(site.cache).put(built).path, sha256)
    return (*needed, own)

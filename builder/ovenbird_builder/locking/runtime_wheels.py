"""The wheels of the runtime, for a base that does not bring it: by the hash-locked list of its Python, and our own."""

from __future__ import annotations

from pathlib import Path

from ovenbird.common.hashing import hash_file

from ..bases import catalog as bases
from ..bases import runtime_wheel
from ..errors import IncompatibleBaseError
from .lock_format import parse
from .pip_container import ResolverContext
from .wheel_fetch import wheels
from .wheelhouse import Wheel, Wheelhouse, described


def packages(site: ResolverContext, folder: Path, *, offline: bool) -> tuple[Wheel, ...]:
    """Return the wheels of the runtime and of what it needs; `folder` is for our own on its way into the cache.

    Errors: BaseUnfitError for a Python that no list is known for; those of `wheels`.
    """
    path = bases.lockfile(site.interpreter.minor)
    if not path.is_file():
        raise IncompatibleBaseError(
            f"the runtime is not known to run under Python {site.interpreter.minor}", hint="`--python`, `--base`"
        )
    locked = parse(path.read_text(encoding="utf-8"), path.name)
    needed = wheels(locked, site, offline=offline, only_binary=True)
    made = runtime_wheel.wheel(folder)
    sha256 = hash_file(made)
    own = Wheelhouse(site.cache).find(sha256) or described(Wheelhouse(site.cache).put(made).path, sha256)
    return (*needed, own)

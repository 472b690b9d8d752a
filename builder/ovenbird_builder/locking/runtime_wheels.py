"""The wheels of the runtime, for a base that does not bring it: by the hash-locked list of its Python, and our own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ovenbird.common.hashing import hash_file

from ..bases import catalog as bases
from ..bases import runtime_wheel
from ..bases.probe import TargetPython
from ..errors import IncompatibleBaseError
from ..host.network import NetworkSettings
from ..host.progress import Progress
from .indexes import PackageIndexes
from .lock_format import parse
from .wheel_fetch import wheels
from .wheelhouse import Wheel, Wheelhouse, described


def packages(
    interpreter: TargetPython,
    folder: Path,
    *,
    indexes: PackageIndexes,
    network: NetworkSettings,
    cache: Path,
    environ: Mapping[str, str],
    offline: bool,
    timeout: float,
    progress: Progress,
) -> tuple[Wheel, ...]:
    """The wheels of the runtime and of what it needs; `folder` is for our own on its way into the cache.

    Errors: BaseUnfitError for a Python that no list is known for; those of `wheels`.
    """
    path = bases.lockfile(interpreter.minor)
    if not path.is_file():
        raise IncompatibleBaseError(
            f"the runtime is not known to run under Python {interpreter.minor}", hint="--python, --base"
        )
    locked = parse(path.read_text(encoding="utf-8"), path.name)
    needed = wheels(
        locked, "", interpreter, indexes=indexes, network=network, cache=cache, environ=environ, offline=offline,
        only_binary=True, timeout=timeout, progress=progress,
    )  # fmt: skip
    made = runtime_wheel.wheel(folder)
    sha256 = hash_file(made)
    own = Wheelhouse(cache).find(sha256) or described(Wheelhouse(cache).put(made).path, sha256)
    return (*needed, own)

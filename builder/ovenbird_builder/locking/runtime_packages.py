"""The wheels of the runtime, for a base that does not bring it: by the hash-locked list of its Python, and our own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ovenbird.common.hashing import hash_file

from ..bases import runtime
from ..bases import table as bases
from ..bases.probe import Interpreter
from ..errors import BaseUnfitError
from ..network import Network
from ..progress import Progress
from .indexes import Indexes
from .locktext import parse
from .wheelhouse import Wheel, Wheelhouse, described
from .wheels import wheels


def packages(
    interpreter: Interpreter,
    folder: Path,
    *,
    indexes: Indexes,
    network: Network,
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
        raise BaseUnfitError(
            f"the runtime is not known to run under Python {interpreter.minor}", hint="--python, --base"
        )
    locked = parse(path.read_text(encoding="utf-8"), path.name)
    needed = wheels(
        locked, "", interpreter, indexes=indexes, network=network, cache=cache, environ=environ, offline=offline,
        only_binary=True, timeout=timeout, progress=progress,
    )  # fmt: skip
    made = runtime.wheel(folder)
    sha256 = hash_file(made)
    own = Wheelhouse(cache).find(sha256) or described(Wheelhouse(cache).put(made).path, sha256)
    return (*needed, own)

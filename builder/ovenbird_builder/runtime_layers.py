"""The runtime on a base that does not bring it: its wheels, by the hash-locked list of its Python, and its command."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from . import bases, runtime
from .errors import BaseUnfitError
from .indexes import Indexes
from .layers import Scheme
from .layers.source import Content
from .locktext import parse
from .network import Network
from .probe import Interpreter
from .wheelhouse import Wheel, Wheelhouse, described
from .wheels import wheels

HOME = "/opt/ovenbird"
COMMAND = f"{HOME}/bin/ovenbird"


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
        only_binary=True, timeout=timeout,
    )  # fmt: skip
    made = runtime.wheel(folder)
    sha256 = hashlib.sha256(made.read_bytes()).hexdigest()
    own = Wheelhouse(cache).find(sha256) or described(Wheelhouse(cache).put(made).path, sha256)
    return (*needed, own)


def scheme(interpreter: Interpreter) -> Scheme:
    """Where the runtime is installed: apart from the user's packages, which come first on the path."""
    site = f"{HOME}/site"
    return Scheme(site, site, f"{HOME}/bin", HOME, f"{HOME}/include", interpreter.executable)


def files(interpreter: Interpreter) -> dict[str, Content]:
    """What makes the runtime found: a line on the path behind the user's packages, and the command."""
    return {
        f"{interpreter.purelib}/ovenbird.pth": Content(f"{HOME}/site\n".encode()),
        "/usr/local/bin/ovenbird": Content(link=COMMAND),
    }

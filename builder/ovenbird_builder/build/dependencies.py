"""What a function needs, pinned, and a wheel for each pin: by the lock beside the source, else by one made now."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ovenbird.function_document import find

from ..bases.probe import TargetPython
from ..containers.working_container import ImageName
from ..errors import LockError
from ..locking import lockfile
from ..locking.indexes import PackageIndexes, read_indexes
from ..locking.lock_format import Lock
from ..locking.requirements import RequirementFlags, Requirements, collect_requirements
from ..locking.wheel_tags import get_platform
from ..locking.wheelhouse import Wheel
from ..request.build_request import BuildRequest, detect_platform
from ..sources import SourceTree
from .environment import BuildEnvironment

if TYPE_CHECKING:
    from ..locking.pip_container import ResolverContext

_NAMED = 10  # packages


class ResolvedDependencies(Struct, frozen=True):
    """The lock, the path of its file (empty when it was made now), what it was made of, and notes for people."""

    lock: Lock
    path: str
    requirements: Requirements
    notes: tuple[str, ...]


def pin_dependencies(
    request: BuildRequest,
    environment: BuildEnvironment,
    tree: SourceTree,
    interpreter: TargetPython,
    image: ImageName,
    *,
    is_cached: bool = True,
) -> ResolvedDependencies:
    """Return the lock of a request; `image` is what is locked and built on, and with `is_cached` the lock is kept.

    Errors: LockError and its subclasses; StaleLockError for a file that does not fit.
    """
    requirements = collect_function_requirements(request, tree, environment.environ)
    if at_hand := _read_lock(request, tree, requirements, interpreter):
        return at_hand
    if empty := lockfile.lock_nothing(requirements, interpreter, request.locker):
        return ResolvedDependencies(empty, "", requirements, requirements.notes)
    from ..locking.lock import LockOptions, lock  # and all that resolves: not for a build whose lock is there

    site = make_resolver(request, environment, interpreter, image)
    options = LockOptions(request.locker, is_cached=is_cached, offline=request.offline)
    return ResolvedDependencies(lock(requirements, site, options), "", requirements, requirements.notes)


def collect_function_requirements(request: BuildRequest, tree: SourceTree, environ: Mapping[str, str]) -> Requirements:
    """Return the requirements of a function, not yet pinned. Errors: LockError."""
    indexes = find_indexes(request, environ).list_urls()
    flags = RequirementFlags(
        request.requirement, request.requirements, request.constraints, request.extras, indexes
    )  # fmt: skip
    return collect_requirements(request.function, tree.path, flags)


def _read_lock(
    request: BuildRequest, tree: SourceTree, requirements: Requirements, interpreter: TargetPython
) -> ResolvedDependencies | None:
    """Return the existing lock, None if there is none. Errors: LockError with the command that makes it anew."""
    folders = lockfile.list_lock_folders(request.function, tree.path) + ([request.locks] if request.locks else [])
    try:
        for path in lockfile.list_lock_paths(folders, get_platform(interpreter)):
            lock = lockfile.read_lock(path)
            if lock is not None:
                lockfile.check_lock(lock, lockfile.make_header(requirements, interpreter), interpreter, path.name)
                lockfile.check_versions(lock, requirements, interpreter, path.name)
                return ResolvedDependencies(lock, path.name, requirements, requirements.notes)
    except LockError as error:
        if error.hint != lockfile.HINT:
            raise
        if request.bundled:
            raise type(error)(error.message, hint="`ovenbird bundle` makes it anew, with these flags") from None
        raise type(error)(error.message, hint=lock_command(request, get_platform(interpreter))) from None
    return None


def lock_command(request: BuildRequest, platform: str) -> str:
    """Return the `ovenbird lock` that writes the lock of a request: its target, and the flags that change a lock."""
    function, words = request.function, list[str]()
    source = os.path.relpath(function.local_source or function.root)
    if request.document is None:
        words += [function.handler, "--source", source]
    else:
        target = request.document.parent if request.document == find(request.document.parent) else request.document
        words += [] if target == Path.cwd() else [os.path.relpath(target)]
        # as `--source` leaves a document; one that says so itself may be told so, too
        is_replaced = Path(function.source).is_absolute() and function.code is None and not function.source_root
        words += ["--source", source] if is_replaced else []
    words += ["--python", request.python] if request.python not in ("", function.python_version) else []
    words += ["--base", request.base] if request.base != function.base_image else []
    for flag, values in (
        ("--requirement", request.requirement), ("--requirements", request.requirements),
        ("--constraints", request.constraints), ("--extra", request.extras),
    ):  # fmt: skip
        words += [word for value in values for word in (flag, str(value))]
    words += ["--platform", platform] if platform != detect_platform() else []
    return f"`{' '.join(['ovenbird lock', *([shlex.join(words)] if words else [])])}`"


def collect_wheels(
    request: BuildRequest,
    environment: BuildEnvironment,
    needs: ResolvedDependencies,
    interpreter: TargetPython,
    image: ImageName,
    identity: str,
) -> tuple[Wheel, ...]:
    """Return a wheel for each pin of the lock, in its order. `identity` is the digest of `image`, what is built on.

    Errors: LockError and its subclasses; WheelBuildError.
    """
    if not needs.lock.pins:
        return ()
    from ..locking.wheel_fetch import fetch_wheels

    root = needs.requirements.root
    site = make_resolver(
        request, environment, interpreter, image, tuple(root / name for name in needs.requirements.find_links)
    )
    return fetch_wheels(needs.lock, site, root=root, offline=request.offline, identity=identity)


def make_resolver(
    request: BuildRequest,
    environment: BuildEnvironment,
    interpreter: TargetPython,
    image: ImageName,
    links: tuple[Path, ...] = (),
) -> ResolverContext:
    """Return the context in which the dependencies of a request are locked and their wheels built."""
    from ..locking.pip_container import ResolverContext

    where, limit = find_indexes(request, environment.environ), request.timeout or 1e9
    return ResolverContext(
        image, interpreter, where, request.network, request.cache, environment.environ, limit, environment.progress,
        links,
    )  # fmt: skip


def find_at_hand(
    request: BuildRequest, needs: ResolvedDependencies, interpreter: TargetPython, identity: str
) -> tuple[tuple[Wheel, ...], str]:
    """Return the wheels that are in the cache, and in words which are not; empty where none is missing."""
    if not needs.lock.pins:
        return (), ""
    from ..locking.wheel_fetch import find_at_hand as find_wheels

    wheels = find_wheels(needs.lock, interpreter, request.cache, identity=identity)
    missing = [f"{pin.name} {pin.version}" for pin in needs.lock.pins if pin.name not in wheels]
    some = ", ".join(missing[:_NAMED]) + (f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else "")
    text = f"{len(needs.lock.pins)} packages, of which {len(missing)} have to be fetched: {some}" if missing else ""
    return tuple(wheels.values()), text


def describe_unpinned(lock: Lock, wheels: Sequence[Wheel]) -> tuple[str, ...]:
    """Return notes on wheels that were built from source distributions: the lock has no hash of these.

    What is built from a git URL or a folder is not among these: its wheel is pinned.
    """
    from_source = [
        wheel for pin, wheel in zip(lock.pins, wheels, strict=True) if f"sha256:{wheel.sha256}" not in pin.hashes
    ]
    if not from_source:
        return ()
    from ..locking import source_wheels

    built = [
        f"{wheel.name} {wheel.version} ({source_wheels.find_generator(wheel.path) or 'by what it does not say'})"
        for wheel in from_source
    ]
    return (
        f"built here from source distributions: {', '.join(built)}; the lock does not pin what builds them, "
        "so another machine may get another digest",
    )


def find_indexes(request: BuildRequest, environ: Mapping[str, str]) -> PackageIndexes:
    """Return the package indexes of a request."""
    return read_indexes(request.index_url, request.extra_index_urls, environ)

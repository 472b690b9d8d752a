"""Lock what a function needs: pins with hashes, written beside its source; or say whether the locks at hand hold."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ovenbird.common.output_path import find_write_problem
from ovenbird.common.text import show_value
from ovenbird.function_document import VERSIONS, FunctionSpec

from ..bases import catalog as bases
from ..bases.base_name import TRANSPORT, check_form, check_place
from ..bases.default_base import find_default_base
from ..bases.probe import TargetPython, probe_python, pull_and_probe
from ..bases.stdlib_names import list_stdlib_names
from ..cache.folder import check_apart, find_cache
from ..cache.layer_cache import LayerCache
from ..errors import BaseMissingError, LockError, StaleLockError
from ..host.network import NetworkSettings, read_network_settings
from ..host.progress import Progress
from ..locking import lockfile
from ..locking.indexes import PackageIndexes, read_indexes
from ..locking.lock import Lock, LockOptions, lock
from ..locking.pip_container import ResolverContext
from ..locking.requirements import RequirementFlags, Requirements, collect_requirements
from ..locking.wheel_tags import assume_interpreter, format_lock_command, get_machine, get_platform
from ..request.function_target import FunctionTarget, choose_python_version, list_function_folders, resolve_target
from ..sources import fetch, module_shadowing

PLATFORMS = ("linux/amd64", "linux/arm64")
_VERSION = "3.12"  # when nothing says which Python
MakeProgress = Callable[[tuple[str, ...]], Progress]
"""Gets the texts to hide, and returns what shows the progress."""


class LockRequest(Struct, frozen=True, kw_only=True):
    """What is locked, and with what: the options of `ovenbird lock` by name. Empty is not given."""

    target: str = "."
    source: str = ""
    python: str = ""
    base: str = ""
    registry: str = ""
    requirement: tuple[str, ...] = ()
    requirements: tuple[Path, ...] = ()
    constraints: tuple[Path, ...] = ()
    extra: tuple[str, ...] = ()
    locker: str = "pip-tools"
    index_url: str = ""
    extra_index_url: tuple[str, ...] = ()
    only_binary: bool = False
    platform: str = ""
    upgrade: bool = False
    upgrade_package: tuple[str, ...] = ()
    ca_bundle: str = ""
    allow_host: tuple[str, ...] | None = None
    cache_dir: str = ""


class LockResult(Struct, frozen=True):
    """A lock that was written: its path, the lock itself, and a line for each pin that is not as before.

    A line is `+ NAME VERSION`, `- NAME VERSION` or `~ NAME BEFORE -> AFTER`.
    """

    path: Path
    lock: Lock
    changes: tuple[str, ...]


class _Project(Struct, frozen=True):
    """A function with a copy of its source, and what it needs for the Python of its base.

    `image` and `interpreter` are those of the base; without one, empty and None.
    """

    target: FunctionTarget
    tree: Path
    requirements: Requirements
    image: str
    interpreter: TargetPython | None
    cache: Path
    site: NetworkSettings
    indexes: PackageIndexes


def lock_requirements(
    request: LockRequest, environ: Mapping[str, str], tell: Callable[[str], None], make_progress: MakeProgress
) -> LockResult:
    """Resolve what the function needs, write the lock beside its source, and return it. `tell` gets notes for people.

    Errors: LockError for a folder that takes no lock; ConflictError; those of a source, of a base and of a resolver.
    """
    target, cache = _resolve(request, environ)
    # an open cache is not pruned under our hands
    with contextlib.closing(LayerCache(cache)), _open_project(request, environ, target, cache, tell) as project:
        assert project.interpreter
        path = lockfile.choose_lock_path(target.function, get_platform(project.interpreter))
        previous, note = lockfile.read_previous_lock(path)
        if note:
            tell(f"note: {note}")
        progress = make_progress((*project.indexes.list_secrets(), *project.site.list_secrets()))
        context = ResolverContext(
            project.image, project.interpreter, project.indexes, project.site, cache, environ, progress=progress
        )
        choice = LockOptions(request.locker, request.only_binary, previous, request.upgrade, request.upgrade_package)
        try:
            new_lock = lock(project.requirements, context, choice)
        finally:
            progress.close()
    lockfile.write_lock(path, new_lock)
    return LockResult(path, new_lock, tuple(list_changes(previous, new_lock)))


def check_lock_files(
    request: LockRequest, environ: Mapping[str, str], tell: Callable[[str], None]
) -> tuple[Path, ...]:  # fmt: skip
    """Return the paths of the locks at hand, all of which hold. Nothing is written, and no container is started.

    Errors: those of `check_locks`.
    """
    target, cache = _resolve(request, environ)
    with _open_project(request, environ, target, cache, tell, checks=True) as project:
        function, interpreter = target.function, project.interpreter
        names = (get_platform(interpreter),) if interpreter else (request.platform,) if request.platform else PLATFORMS
        python = choose_python_version(function, request.python) or ("" if function.base_image else _VERSION)
        if not python and not interpreter:
            tell("note: Python is not compared: neither the document nor `--python` says which the base has")
        folders = lockfile.list_lock_folders(function, project.tree)
        lock_target = LockTarget(names, python, interpreter)
        paths = check_locks(folders, project.requirements, lock_target, request.target, function.root)
        return tuple(_place(path, project.tree, function) for path in paths)


def _resolve(request: LockRequest, environ: Mapping[str, str]) -> tuple[FunctionTarget, Path]:
    target, cache = resolve_target(request.target, request.source), find_cache(request.cache_dir, environ)
    check_apart(cache, list_function_folders(target.function))
    return target, cache


@contextlib.contextmanager
def _open_project(
    request: LockRequest, environ: Mapping[str, str], target: FunctionTarget, cache: Path,
    tell: Callable[[str], None], *, checks: bool = False,
) -> Iterator[_Project]:  # fmt: skip
    """Yield the function with a copy of its source. `checks`: nothing is locked, so only a named base is needed."""
    for text in target.function.unknown:
        tell(f"warning: function document: {text}")
    if not checks:
        _check_folder(target.function)
    site = read_network_settings(request.ca_bundle, environ, request.allow_host)
    indexes = read_indexes(request.index_url, request.extra_index_url, environ, contacted=not checks)
    image, interpreter = "", None
    if not checks or request.base:
        image, interpreter = _choose_base(request, environ, target, cache, tell)
    with tempfile.TemporaryDirectory(prefix="ovenbird-lock-") as folder:
        tree = fetch(target.function, Path(folder) / "tree", environ=environ, network=site, products=(cache,))
        version = interpreter.minor if interpreter else choose_python_version(target.function, request.python)
        if version:
            module_shadowing.refuse_shadowing(tree.path, list_stdlib_names(version))
        flags = RequirementFlags(
            request.requirement, request.requirements, request.constraints, request.extra, indexes.list_urls()
        )
        requirements = collect_requirements(target.function, tree.path, flags)
        tell(f"needs: {requirements.used or 'nothing'}")
        for note in requirements.notes:
            tell(f"note: {note}")
        yield _Project(target, tree.path, requirements, image, interpreter, cache, site, indexes)


def _check_folder(function: FunctionSpec) -> None:
    """Refuse a folder that takes no lock before anything is resolved. Errors: LockError."""
    if problem := find_write_problem(lockfile.choose_lock_path(function, "linux/amd64")):
        raise LockError(problem, hint="the lock lies beside the source, for the next build to find it")


class LockTarget(Struct, frozen=True):
    """What locks are for: platforms (`linux/amd64`), and Python's version (`3.12`), empty where only the base knows it.

    With an `interpreter` both are those of the base. No base is needed else: a lock says which C library it is for.
    """

    platforms: tuple[str, ...]
    python: str
    interpreter: TargetPython | None

    def assume(self, platform: str, lock: Lock) -> TargetPython:
        """Return the interpreter that a lock of a platform is compared with."""
        version = self.python or (lock.head.python if lock.head.python in VERSIONS else _VERSION)
        return self.interpreter or assume_interpreter(version, platform, lock.head.libc)


def check_locks(
    folders: list[Path], requirements: Requirements, lock_target: LockTarget, target: str, home: Path
) -> list[Path]:
    """Return the paths of the locks at hand, each compared with the requirements; no container is needed.

    `target` is what was typed, `home` the folder of the document: hints and errors name them.
    Errors: StaleLockError for no lock at all, or one that is for something else; ConflictError for a pin that the
    runtime cannot use; LockError for a file that is no lock.
    """
    locks = []
    for name in lock_target.platforms:
        try:
            locks += _check_lock(lockfile.list_lock_paths(folders, name), name, requirements, lock_target)
        except LockError as error:
            hint = format_lock_command(name, target) if error.hint == lockfile.HINT else error.hint
            raise type(error)(error.message, hint=hint) from None
    if not locks:
        names = " or ".join(map(lockfile.lock_name, lock_target.platforms))
        raise StaleLockError(
            f"there is no {names} in {show_value(str(home))}",
            hint=" and ".join(format_lock_command(name, target) for name in lock_target.platforms),
        )
    return locks


def _check_lock(paths: list[Path], platform: str, requirements: Requirements, lock_target: LockTarget) -> list[Path]:
    """Compare the first lock that exists, and return its path in a list; empty if there is none."""
    for path in paths:
        if (lock := lockfile.read_lock(path)) is not None:
            interpreter = lock_target.assume(platform, lock)
            lockfile.check_lock(lock, lockfile.make_header(requirements, interpreter), interpreter, path.name)
            lockfile.check_versions(lock, requirements, interpreter, path.name)
            return [path]
    return []


def list_changes(before: Lock | None, after: Lock) -> list[str]:
    """Return the changes of a new lock, a line for each pin, by its name."""
    old = {pin.name: pin for pin in before.pins} if before else {}
    new = {pin.name: pin for pin in after.pins}
    lines = [f"+ {name} {pin.version}" for name, pin in new.items() if name not in old]
    lines += [f"- {name} {pin.version}" for name, pin in old.items() if name not in new]
    for name, pin in new.items():
        changes = (
            [
                f"{before} -> {after}"
                for before, after in ((old[name].version, pin.version), (old[name].url, pin.url))
                if before and after and before != after
            ]
            if name in old
            else []
        )
        lines += [f"~ {name} {', '.join(changes)}"] if changes else []
    return sorted(lines, key=lambda line: line[2:])


def _place(path: Path, tree: Path, function: FunctionSpec) -> Path:
    """Return where a lock lies for the user: the tree is a copy of the source."""
    if path.parent != tree or function.root == tree:
        return path
    folder = function.local_source
    return folder / path.name if folder and folder.is_dir() else Path(path.name)


def _choose_base(
    request: LockRequest, environ: Mapping[str, str], target: FunctionTarget, cache: Path, tell: Callable[[str], None]
) -> tuple[str, TargetPython]:  # fmt: skip
    """Return the base and its Python: the one asked for, the document's, else that of the table for the version.

    `platform` names another architecture of the same.
    """
    version = choose_python_version(target.function, request.python)
    if name := request.base or target.function.base_image:
        check_form(name, "--base" if request.base else "spec.base_image")
        check_place(name)
        image, interpreter = _find_named_base(str(name), cache, version, environ)
    else:
        registry = request.registry or environ.get("OVENBIRD_REGISTRY", "")
        base = bases.choose_base(version or _VERSION, registry=registry)
        image, interpreter = find_default_base(base, lambda image: (image, _probe_base(image, cache, version)), tell)
    if request.platform:
        interpreter = replace(
            interpreter, machine=get_machine(request.platform), soabi=_convert_soabi(interpreter, request.platform)
        )
    return image, interpreter


def _find_named_base(
    name: str, cache: Path, version: str, environ: Mapping[str, str]
) -> tuple[str, TargetPython]:  # fmt: skip
    """Return what the store calls a base of any form, and its Python."""
    form = TRANSPORT.fullmatch(name)
    if form and form[1] != "containers-storage:":
        return pull_and_probe(name, cache=cache, environ=environ, version=version)
    plain = name.removeprefix("containers-storage:")
    return plain, _probe_base(plain, cache, version)


def _probe_base(image: str, cache: Path, version: str) -> TargetPython:
    """Return the Python of a base; `localhost` is no registry to ask.

    Errors: those of `probe_python`, with the command that makes the base.
    """
    try:
        return probe_python(
            image, cache=cache, version=version, pull="never" if image.startswith("localhost/") else "missing"
        )
    except BaseMissingError as error:
        raise BaseMissingError(error.message, hint=bases.suggest_command(image)) from None


def _convert_soabi(interpreter: TargetPython, platform_name: str) -> str:
    return interpreter.soabi.replace(interpreter.machine, get_machine(platform_name))

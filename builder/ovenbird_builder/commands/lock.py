"""`ovenbird lock`: what a function needs, pinned with hashes, written beside its source."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ovenbird.common.output_path import find_write_problem
from ovenbird.common.text import show_value
from ovenbird.function_document import VERSIONS, FunctionSpec

from ..bases import catalog as bases
from ..bases.base_name import check_form, check_place
from ..bases.default_base import find_default_base
from ..bases.probe import TargetPython, probe_python
from ..bases.stdlib_names import list_stdlib_names
from ..cache.folder import check_apart, find_cache
from ..cache.layer_cache import LayerCache
from ..errors import BaseMissingError, LockError, StaleLockError
from ..host.network import read_network_settings
from ..host.progress import make_progress
from ..locking import lockfile
from ..locking.indexes import PackageIndexes, read_indexes
from ..locking.lock import LOCKERS, Lock, LockOptions, lock
from ..locking.pip_container import ResolverContext
from ..locking.requirements import RequirementFlags, Requirements, collect_requirements
from ..locking.wheel_tags import assume_interpreter, format_lock_command, get_machine, get_platform
from ..request.function_target import FunctionTarget, choose_python_version, list_function_folders, resolve_target
from ..sources import fetch, module_shadowing

_PLATFORMS = ("linux/amd64", "linux/arm64")
_VERSION = "3.12"  # when nothing says which Python


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the verb."""
    parser.add_argument("target", nargs="?", default=".", help="function.yaml, a folder that holds one, FILE.py")
    parser.add_argument("--source", default="", metavar="DIR", help="folder of the code, as for `ovenbird build`")
    parser.add_argument("--python", default="", metavar="X.Y", help="Python's version (default: the document's)")
    parser.add_argument("--base", default="", metavar="IMAGE", help="the base image whose Python it is for")
    parser.add_argument("--registry", default="", metavar="HOST[/PATH]",
                        help="mirror of Docker Hub, where no base was made here [OVENBIRD_REGISTRY]")  # fmt: skip
    add_dependency_options(parser)
    parser.add_argument("--platform", choices=_PLATFORMS, default="", help="default: the base's own")
    parser.add_argument("--upgrade", action="store_true", help="keep no pin of the lock at hand")
    parser.add_argument("--upgrade-package", action="append", default=[], metavar="NAME", help="do not keep its pin")
    parser.add_argument(
        "--check", action="store_true", help="only say whether the locks at hand still hold (no container, no base)"
    )
    parser.add_argument("--ca-bundle", default="", metavar="FILE", help="certificates of the site, in PEM form")
    parser.add_argument("--allow-host", action="append", metavar="HOST", help="a host that submodules may come from")
    parser.add_argument("--cache-dir", default="", metavar="DIR", help="default: ~/.cache/ovenbird")


class _FormerFlagName(argparse._AppendAction):
    """Appends, and says what the flag is called now."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Add a value to those of the flag."""
        _tell(f"note: {option_string} is called --{self.dest} now, as in `ovenbird build`")
        super().__call__(parser, namespace, values, option_string)


def add_dependency_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of requirements and their indexes, for this verb and for those that lock on the way."""
    add = parser.add_argument
    add("--requirement", action="append", default=[], metavar="SPEC", help="one requirement more: 'pandas>=2'")
    add("--requirements", action="append", default=[], type=Path, metavar="FILE", help="a requirements file")
    add("--constraints", action="append", default=[], type=Path, metavar="FILE", help="limits on versions")
    add("--constraint", action=_FormerFlagName, dest="constraints", type=Path, help=argparse.SUPPRESS)
    add("--extra", action="append", default=[], metavar="NAME", help="an extra of pyproject.toml")
    add("--locker", choices=LOCKERS, default="pip-tools", help="what resolves (default: pip-tools)")
    add("--index-url", default="", metavar="URL", help="the package index; ${NAME} is taken from the environment")
    add("--extra-index-url", action="append", default=[], metavar="URL", help="a further index")
    add("--only-binary", action="store_true", help="take wheels only, build nothing")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Lock; print the path of the lock on stdout. Errors: those of `lock`; those of `check_locks`, with `--check`."""
    target, cache = resolve_target(args.target, args.source), find_cache(args.cache_dir, environ)
    check_apart(cache, list_function_folders(target.function))
    # an open cache is not pruned under our hands; a check writes nothing, and makes none
    with contextlib.nullcontext() if args.check else contextlib.closing(LayerCache(cache)):
        return _lock_or_check(args, environ, target, cache)


def _lock_or_check(args: argparse.Namespace, environ: Mapping[str, str], target: FunctionTarget, cache: Path) -> int:
    for text in target.function.unknown:
        _tell(f"warning: function document: {text}")
    if not args.check:
        _check_folder(target.function)
    site = read_network_settings(args.ca_bundle, environ, args.allow_host)
    where = read_indexes(args.index_url, args.extra_index_url, environ, contacted=not args.check)
    asks_base = not args.check or args.base
    image, interpreter = _choose_base(args, environ, target, cache) if asks_base else ("", None)
    with tempfile.TemporaryDirectory(prefix="ovenbird-lock-") as folder:
        tree = fetch(target.function, Path(folder) / "tree", environ=environ, network=site, products=(cache,))
        version = interpreter.minor if interpreter else choose_python_version(target.function, args.python)
        if version:
            module_shadowing.refuse_shadowing(tree.path, list_stdlib_names(version))
        requirements = _collect_requirements(args, target, tree.path, where)
        _tell(f"needs: {requirements.used or 'nothing'}")
        for note in requirements.notes:
            _tell(f"note: {note}")
        if args.check:
            _check(args, target.function, tree.path, requirements, interpreter)
            return 0
        assert interpreter
        path = lockfile.choose_lock_path(target.function, get_platform(interpreter))
        previous, note = lockfile.read_previous_lock(path)
        if note:
            _tell(f"note: {note}")
        progress = make_progress(sys.stderr, (*where.list_secrets(), *site.list_secrets()))
        context = ResolverContext(image, interpreter, where, site, cache, environ, progress=progress)
        choice = LockOptions(args.locker, args.only_binary, previous, args.upgrade, tuple(args.upgrade_package))
        new_lock = lock(requirements, context, choice)
    progress.close()
    lockfile.write_lock(path, new_lock)
    for line in describe_difference(previous, new_lock):
        _tell(line)
    print(path)
    return 0


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


def _check(
    args: argparse.Namespace,
    function: FunctionSpec,
    tree: Path,
    requirements: Requirements,
    interpreter: TargetPython | None,
) -> None:
    """Print the paths of the locks that hold. Errors: those of `check_locks`."""
    names = (get_platform(interpreter),) if interpreter else (args.platform,) if args.platform else _PLATFORMS
    python = choose_python_version(function, args.python) or ("" if function.base_image else _VERSION)
    if not python and not interpreter:
        _tell("note: Python is not compared: neither the document nor `--python` says which the base has")
    folders = lockfile.list_lock_folders(function, tree)
    lock_target = LockTarget(names, python, interpreter)
    for path in check_locks(folders, requirements, lock_target, args.target, function.root):
        _tell(f"{path.name} holds")
        print(_place(path, tree, function))


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


def describe_difference(before: Lock | None, after: Lock) -> list[str]:
    """Return the changes of a new lock, a line for each pin, and their number."""
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
    return [*sorted(lines, key=lambda line: line[2:]), f"{len(new)} pins, {after.digest}"]


def _place(path: Path, tree: Path, function: FunctionSpec) -> Path:
    """Return where a lock lies for the user: the tree is a copy of the source."""
    if path.parent != tree or function.root == tree:
        return path
    folder = function.local_source
    return folder / path.name if folder and folder.is_dir() else Path(path.name)


def _collect_requirements(
    args: argparse.Namespace, target: FunctionTarget, tree: Path, where: PackageIndexes
) -> Requirements:
    flags = RequirementFlags(
        tuple(args.requirement), tuple(args.requirements), tuple(args.constraints), tuple(args.extra), where.list_urls()
    )  # fmt: skip
    return collect_requirements(target.function, tree, flags)


def _choose_base(
    args: argparse.Namespace, environ: Mapping[str, str], target: FunctionTarget, cache: Path
) -> tuple[str, TargetPython]:  # fmt: skip
    """Return the base and its Python: the flag's, the document's, else that of the table for the version.

    `--platform` names another architecture of the same.
    """
    version = choose_python_version(target.function, args.python)
    if name := args.base or target.function.base_image:
        check_form(name, "--base" if args.base else "spec.base_image")
        check_place(name)
        image, interpreter = str(name), _probe_base(str(name), cache, version)
    else:
        registry = args.registry or environ.get("OVENBIRD_REGISTRY", "")
        base = bases.choose_base(version or _VERSION, registry=registry)
        image, interpreter = find_default_base(base, lambda image: (image, _probe_base(image, cache, version)), _tell)
    if args.platform:
        interpreter = replace(
            interpreter, machine=get_machine(args.platform), soabi=_convert_soabi(interpreter, args.platform)
        )
    return image, interpreter


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


def _tell(text: str) -> None:
    print(text, file=sys.stderr)

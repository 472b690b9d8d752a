"""The lock beside a source: `function.lock`, found, checked for being stale, written."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from ovenbird.common.atomic_files import write_file
from ovenbird.common.hashing import hash_text
from ovenbird.common.text import show_value
from ovenbird.function_document import FunctionSpec

from ..bases.probe import TargetPython
from ..containers import pip_tools
from ..errors import LockError, RequirementMissingError, StaleLockError
from .lock_format import Lock, LockHeader, make_lock, parse_lock
from .requirements import Requirements
from .wheel_tags import get_platform, get_python_minor, make_marker_environment, parse_glibc, parse_glibc_version

NAME = "function.lock"
HINT = "`ovenbird lock`"  # which whoever knows the target completes
_LIMIT = 16 * 1024 * 1024  # bytes


def lock_name(platform: str) -> str:
    """Return the file name for a platform: `function.lock` for linux/amd64, else as `function.linux-arm64.lock`."""
    return NAME if platform in ("", "linux/amd64") else f"function.{platform.replace('/', '-')}.lock"


def list_lock_paths(folders: Iterable[Path], platform: str) -> list[Path]:
    """Return where a lock for a platform may lie, in order: the first that is there counts."""
    return [folder / lock_name(platform) for folder in dict.fromkeys(folders)]


def list_lock_folders(function: FunctionSpec, tree: Path) -> list[Path]:
    """Return the folders that may hold a function's lock, the strongest first. `tree` is its source, as fetched.

    What lies in a remote source cannot be mended here, so a lock beside the document counts before it. At the root of
    a repository may lie the lock of another function.
    """
    is_here = function.code is not None or _find_local_folder(function) is not None
    return [tree, function.root] if is_here and not function.source_root else [function.root, tree]


def choose_lock_path(function: FunctionSpec, platform: str) -> Path:
    """Return where a new lock goes: in place of the one that counts, else beside the document."""
    folder = _find_local_folder(function)
    if folder and not function.source_root and os.path.lexists(folder / lock_name(platform)):
        return folder / lock_name(platform)
    return function.root / lock_name(platform)


def _find_local_folder(function: FunctionSpec) -> Path | None:
    """Return the folder of this machine that a source is a copy of; None where it is none, or an archive."""
    if function.code is not None or (function.source and function.local_source is None):
        return None
    path = function.local_source or function.root
    if path.is_dir():
        return path
    return path.parent if path.suffix == ".py" else None


def read_lock(path: Path) -> Lock | None:
    """Return the lock at `path`, None when there is none. Errors: LockError, also for a file that is damaged."""
    data = _read_bytes(path)
    return None if data is None else _parse_data(data, path.name)


def read_previous_lock(path: Path) -> tuple[Lock | None, str]:
    """Return the lock that a new one replaces, None where there is none or it is damaged, and what to say of it.

    Errors: LockError for what no new lock can replace: a folder, or a file that cannot be read.
    """
    if path.is_symlink() and not path.exists():
        return None, f"{path.name} was a link to {show_value(str(path.readlink()))}, which does not exist"
    data = _read_bytes(path)
    if data is None:
        return None, ""
    try:
        lock = _parse_data(data, path.name)
    except LockError as error:
        return None, f"{path.name} is damaged and is written anew, with no pin kept: {error.message}"
    if not lock.head.inputs:
        return lock, f"{path.name} does not say what it was made for; its pins are kept where they fit"
    return lock, ""


def _read_bytes(path: Path) -> bytes | None:
    """Return the content of a lock file, None if there is no file. Errors: LockError."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "no file"
            raise LockError(
                f"{path.name} is {kind}, and the lock has this name",
                hint=f"remove or rename it, then run `ovenbird lock`: `mv {path.name} {path.name}.old`",
            )
        with path.open("rb") as file:
            return file.read(_LIMIT + 1)
    except FileNotFoundError:
        if path.is_symlink():
            raise LockError(
                f"{path.name} is a link to {show_value(str(path.readlink()))}, which does not exist",
                hint=f"remove the link, then run `ovenbird lock`: `rm {path.name}`",
            ) from None
        return None
    except OSError as error:
        raise LockError(
            f"cannot read {path.name}: {error.strerror}", hint="its permissions must let you read it: chmod u+r"
        ) from None


def _parse_data(data: bytes, name: str) -> Lock:
    """Return the lock that a file holds. Errors: LockError."""
    if len(data) > _LIMIT:
        raise LockError(f"{name} is larger than {_LIMIT} bytes", hint=HINT)
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        return parse_lock(text, name)
    except UnicodeDecodeError:
        raise LockError(f"cannot read {name}: not UTF-8 text", hint=HINT) from None


def make_header(requirements: Requirements, interpreter: TargetPython, locker: str = "") -> LockHeader:
    """Return the header of a lock for this target. Without a `locker` it serves a comparison, and names none."""
    texts, limits = requirements.list_texts(), requirements.list_limits()
    target = (get_python_minor(interpreter), get_platform(interpreter))
    inputs = hash_text(json.dumps([*target, texts, limits]))
    locker_version = pip_tools.format_versions() if locker == "pip-tools" else _read_uv_version() if locker else ""
    return LockHeader(*target, interpreter.libc, locker_version, f"sha256:{inputs}", texts, limits)


def _read_uv_version() -> str:
    from . import uv

    return uv.read_uv_version()


def check_target(requirements: Requirements, interpreter: TargetPython) -> None:
    """Refuse a target that the source is not for, or no wheel is. Errors: RequirementMissingError, LockError."""
    if requirements.requires_python:
        from packaging.specifiers import SpecifierSet

        if not SpecifierSet(requirements.requires_python).contains(interpreter.version, prereleases=True):
            raise RequirementMissingError(
                f"{requirements.used} asks for Python {requirements.requires_python}, the base has"
                f" {interpreter.version}",
                hint="`--python`, `--base`",
            )
    if not interpreter.libc.startswith("glibc "):
        raise LockError(f"the base's C library is {show_value(interpreter.libc)}, expected glibc")


def lock_nothing(requirements: Requirements, interpreter: TargetPython, locker: str) -> Lock | None:
    """Return the lock of a function that needs nothing, as `lock` does; None where there is something to resolve.

    Errors: those of `check_target`.
    """
    if requirements.lines or requirements.constraints or requirements.pinned or requirements.pylock:
        return None
    check_target(requirements, interpreter)
    return make_lock((), make_header(requirements, interpreter, locker))


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lock, whole or not at all. Errors: LockError."""
    try:
        write_file(path, lock.text.encode())
    except OSError as error:
        raise LockError(f"cannot write {show_value(str(path))}: {error.strerror}") from None


def check_lock(lock: Lock, header: LockHeader, interpreter: TargetPython, label: str) -> None:
    """Refuse a lock that was made for something else than `now`.

    Errors: StaleLockError, naming all that changed; ConflictError for a pin that the runtime cannot use.
    """
    if problems := list_changes(lock.head, header, interpreter):
        raise StaleLockError("\n  ".join([f"{label} is not for what is asked for now:", *problems]), hint=HINT)
    from . import runtime_constraints  # and packaging: not for a function that needs no package

    runtime_constraints.check_pins(
        lock.pins, runtime_constraints.list_runtime_constraints(make_marker_environment(interpreter)), label
    )


def check_versions(lock: Lock, requirements: Requirements, interpreter: TargetPython, label: str) -> None:
    """Refuse a lock whose pins are not what its own list of requirements asks for: somebody has edited it.

    Errors: StaleLockError, naming each requirement and constraint that is not met.
    """
    from packaging.requirements import Requirement

    from .markers import is_marker_true
    from .other_hashes import has_other_hash

    markers, pins = make_marker_environment(interpreter), {pin.name: pin for pin in lock.pins}
    problems = []
    for line in (*requirements.lines, *requirements.constraints):
        if not line.name or not is_marker_true(line.marker, markers, line.where):
            continue
        pin = pins.get(line.name)
        if pin is None:
            problems += [f"{line.text} ({line.where}) has no pin"] if line in requirements.lines else []
        elif not line.origin and not Requirement(line.text).specifier.contains(pin.version, prereleases=True):
            problems.append(f"{line.text} ({line.where}) is not met by {pin.name}=={pin.version}")
        elif line.hashes and not line.origin and not has_other_hash(line) and not set(pin.hashes) <= set(line.hashes):
            problems.append(f"{line.text} ({line.where}) does not allow all hashes of {pin.name}=={pin.version}")
    if problems:
        raise StaleLockError("\n  ".join([f"{label} does not hold what is asked for:", *problems]), hint=HINT)


def list_changes(former: LockHeader, current: LockHeader, interpreter: TargetPython) -> list[str]:
    """Return the changes since the lock was written, in words; empty if it still holds. A newer glibc is no change."""
    texts = []
    words: Mapping[str, str] = {"python": "Python", "platform": "the platform"}
    for key, word in words.items():
        if getattr(former, key) != getattr(current, key):
            texts.append(f"{word} was {getattr(former, key) or 'not noted'}, is {getattr(current, key)}")
    if parse_glibc_version(interpreter) < parse_glibc(former.libc):
        texts.append(f"the C library was {former.libc}, is the older {current.libc}")
    for label, old, new in (
        ("", former.requirements, current.requirements),
        ("the constraint ", former.constraints, current.constraints),
    ):
        before, after = set(old), set(new)
        texts += [f"{label}{text} was added" for text in sorted(after - before)]
        texts += [f"{label}{text} was removed" for text in sorted(before - after)]
    if not texts and former.inputs != current.inputs:
        texts.append(f"the digest of what is asked for was {former.inputs or 'not noted'}, is {current.inputs}")
    return texts

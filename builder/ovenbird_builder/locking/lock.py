"""Lock what a function needs for one target: Requirements -> Lock, by pip-compile in a container of the base, or by uv.

The same question is answered from the cache, without a container. What is asked is all that the answer depends on:
requirements, constraints, the runtime's ranges, the interpreter, the indexes, the locker, and the pins to keep.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform as this
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ovenbird.common.atomic_files import write_file
from ovenbird.common.hashing import hash_text
from ovenbird.common.text import show_value

from ..bases.probe import TargetPython
from ..errors import BuildRequestError, HashError, LockError, NoWheelError
from ..host.disk import guard_cache_writes
from ..host.progress import Tell
from ..host.tempdirs import make_step_folder
from . import lockfile, pip_compile, pylock, runtime_constraints, source_wheels, uv
from .file_options import ALL
from .indexes import PackageIndexes
from .lock_format import Lock, LockHeader, Pin, make_lock, parse_lock
from .markers import marker_applies
from .other_hashes import find_sha256, has_other_hash
from .pip_compile import ResolutionPreferences
from .pip_container import PipContainer, ResolverContext, open_pip_container
from .pip_errors import ResolutionRequest
from .requirements import Requirements
from .requirements_file import RequirementLine
from .wheel_tags import marker_environment, platform_of, python_minor

__all__ = ["Lock", "LockOptions", "Pin", "lock"]
LOCKERS = ("pip-tools", "uv")
_FORMAT = "2"  # of what is kept in the cache


class LockOptions(Struct, frozen=True):
    """How to lock.

    `previous` is the lock whose pins are kept where they fit, but for those of `upgrade_packages`; with `upgrade` none
    is, and the cache is not asked.
    """

    locker: str = "pip-tools"
    only_binary: bool = False
    previous: Lock | None = None
    upgrade: bool = False
    upgrade_packages: tuple[str, ...] = ()


def lock(wanted: Requirements, site: ResolverContext, options: LockOptions | None = None) -> Lock:
    """Return the lock of what is wanted, for the interpreter of the site.

    For another architecture than this machine's there are wheels only.
    Errors: LockError and its subclasses, in terms of what the user wrote; WheelBuildError for a source distribution
    that cannot be built.
    """
    options = options or LockOptions()
    locker, previous, interpreter = options.locker, options.previous, site.interpreter
    if locker not in LOCKERS:
        raise BuildRequestError(f"--locker: expected one of {', '.join(LOCKERS)}, found {show_value(locker)}")
    asked = _make_request(wanted, interpreter, site.indexes, options.only_binary or locker == "uv")
    names = tuple(sorted(options.upgrade_packages))
    head = lockfile.make_header(wanted, interpreter, locker)
    if wanted.pylock:
        found = pylock.read_pylock(wanted.pylock, marker_environment(interpreter))
        runtime_constraints.check_pins(found, asked.limits, wanted.pylock.name)
        return make_lock(found, replace(head, locker=f"{wanted.pylock.name}, taken as it is"))
    runtime_constraints.check_requirements(asked.wanted, asked.limits)
    if not asked.wanted:
        return make_lock((), head)
    kept = () if options.upgrade or previous is None else previous.pins
    key = _lock_key(asked, head, site.indexes, kept, names)
    if not options.upgrade and (text := _read_cached(site.cache, key)):
        return parse_lock(text, "a lock in the cache")
    site = replace(site, links=tuple(wanted.root / name for name in wanted.find_links))
    commits = _keep_commits(wanted, previous, names) if kept and previous else {}
    found = _resolve_pins(wanted, asked, locker, ResolutionPreferences(kept, names, wanted.pre), site, commits)
    runtime_constraints.check_pins(found, asked.limits, "the lock")
    lock = make_lock(_restrict_hashes(found, asked, wanted.require_hashes, site), head)
    _write_cached(site.cache, key, lock.text)
    return lock


def _make_request(
    wanted: Requirements, interpreter: TargetPython, indexes: PackageIndexes, only_binary: bool
) -> ResolutionRequest:
    """The question, checked against the target's Python."""
    lockfile.check_target(wanted, interpreter)
    where = f"Python {python_minor(interpreter)} on {platform_of(interpreter)} ({interpreter.libc})"
    seen = marker_environment(interpreter)
    used = tuple(one for one in wanted.wanted if marker_applies(one.marker, seen, one.where))
    limits = tuple(one for one in (*wanted.constraints, *wanted.pinned) if marker_applies(one.marker, seen, one.where))
    limits = (*limits, *runtime_constraints.list_runtime_constraints(seen))
    binary = (ALL,) if only_binary or is_foreign(interpreter) or ALL in wanted.only_binary else wanted.only_binary
    return ResolutionRequest(used, limits, where, indexes.urls(), binary)


def is_foreign(interpreter: TargetPython) -> bool:
    """Whether the target is of another architecture than this machine."""
    return interpreter.machine != this.machine()


def _keep_commits(wanted: Requirements, previous: Lock, upgrade: Iterable[str]) -> dict[str, Pin]:
    """Return the pins of repositories that stay at their commit, by the origin that is asked for as it was then."""
    found = {}
    for one in wanted.wanted:
        if one.origin.startswith("git+") and wanted.format_line(one) in previous.head.wanted:
            address, _, folder = source_wheels.split_git(one.origin)
            for pin in previous.pins:
                there, _, inside = source_wheels.split_git(pin.url)
                same = (there, inside) == (address, folder) and one.name in ("", pin.name)
                if same and pin.name not in upgrade:
                    found[one.origin] = pin
    return found


def _resolve_pins(
    wanted: Requirements,
    asked: ResolutionRequest,
    locker: str,
    choice: ResolutionPreferences,
    site: ResolverContext,
    commits: Mapping[str, Pin],
) -> tuple[Pin, ...]:
    """The pins, from scratch, but for the repositories that stay at their commits."""
    title = f"lock what {len(asked.wanted)} requirements need, by {locker}"
    machine = site.interpreter.machine if is_foreign(site.interpreter) else ""
    to_build = [one for one in asked.wanted if one.origin]
    if to_build and machine:
        raise NoWheelError(
            f"{to_build[0].origin} ({to_build[0].where}) has to be built, which takes a machine of the target's "
            f"architecture ({machine})"
        )
    with make_step_folder(site.cache) as name:
        folder = Path(name)
        links = pip_compile.place_links(folder, site.links)
        if locker == "uv" and not to_build:
            with site.progress.stage(title) as told:
                text = uv.run_uv(folder, asked, [*links, *(one.text for one in asked.wanted)], choice, site)
                return _report_pins(pip_compile.parse_pins(text, {}), told)
        with open_pip_container(site, folder, machine=machine) as shop, site.progress.stage(title) as told:
            built = {one.origin: _build_wheel(one, wanted.root, shop, asked, commits) for one in to_build}
            files = {key: found.wheel.filename for key, found in built.items()}
            lines = [*links, *(pip_compile.format_line(one, files) for one in asked.wanted)]
            if locker == "uv":
                text = uv.run_uv(folder, asked, lines, choice, site)
            else:
                text = pip_compile.run_pip_compile(shop, asked, lines, choice)
            return _report_pins(
                pip_compile.parse_pins(text, {found.wheel.filename: found.pin() for found in built.values()}), told
            )


def _report_pins(pins: tuple[Pin, ...], told: Tell) -> tuple[Pin, ...]:
    told(f"{len(pins)} pins")
    return pins


def _build_wheel(
    one: RequirementLine, root: Path, shop: PipContainer, asked: ResolutionRequest, commits: Mapping[str, Pin]
) -> source_wheels.BuiltWheel:
    """The wheel of a requirement with an origin, and a copy of it where the container sees it."""
    pin = commits.get(one.origin)
    found = (
        source_wheels.find_or_build(one, pin, root, shop, asked)
        if pin
        else source_wheels.build_wheel(one, root, shop, asked)
    )
    if one.name and one.name != found.wheel.name:
        raise LockError(
            f"{one.where}: {show_value(one.text)} builds {show_value(found.wheel.name)}, which is not"
            " the name it is given"
        )
    if one.hashes and not source_wheels.is_file(one.origin, root) and f"sha256:{found.wheel.sha256}" not in one.hashes:
        raise HashError(
            f"{one.where}: {show_value(one.text)} is built to sha256:{found.wheel.sha256}, expected {one.hashes[0]}"
        )
    (shop.folder / "built").mkdir(exist_ok=True)
    shutil.copyfile(found.wheel.path, shop.folder / "built" / found.wheel.filename)
    return found


def _restrict_hashes(
    pins: tuple[Pin, ...], asked: ResolutionRequest, required: bool, site: ResolverContext
) -> tuple[Pin, ...]:
    """Return the pins, each with the hashes that every line of its name allows, as pip takes them.

    With `required` every pin needs such a line. Errors: HashError when no file of the index has such a hash, or no
    line names one.
    """
    found = []
    for pin in pins:
        rows = [one for one in (*asked.wanted, *asked.limits) if one.name == pin.name and one.hashes]
        built = [one for one in asked.wanted if pin.url and one.origin == pin.url and one.hashes]
        if required and not rows and not built:
            raise HashError(
                f"--require-hashes: no requirement names a hash of {pin.name}=={pin.version}"
                f" ({', '.join(pin.via) or 'asked for'})",
                hint="list it with its hashes, as `uv export` or `pip-compile --generate-hashes` does",
            )
        both = set(pin.hashes)
        lines = [one for one in rows if not one.origin]
        for one in lines:
            both &= {find_sha256(pin, one, site)} if has_other_hash(one) else set(one.hashes)
        if not both:
            given = " and ".join(f"{one.hashes[0]} ({one.where})" for one in lines)
            raise HashError(
                f"no file of {pin.name}=={pin.version} has the hash {given}",
                hint="the index has " + ", ".join(pin.hashes[:3]),
            )
        found.append(replace(pin, hashes=tuple(sorted(both))))
    return tuple(found)


def _lock_key(
    asked: ResolutionRequest, head: LockHeader, indexes: PackageIndexes, kept: tuple[Pin, ...], names: tuple[str, ...]
) -> str:
    """A digest of all that the answer depends on, credentials aside."""
    rows = [
        _FORMAT, *indexes.urls(), head.python, head.platform, head.libc, head.locker, head.inputs, asked.only_binary,
        [one.text for one in asked.limits], [one.text for one in asked.wanted], names,
        [(pin.name, pin.version, pin.hashes, pin.url) for pin in kept],
    ]  # fmt: skip
    return hash_text(json.dumps(rows))


def _read_cached(cache: Path, key: str) -> str:
    try:
        path = cache / "resolved" / key
        text = path.read_text()
        with contextlib.suppress(OSError):
            os.utime(path)  # `cache prune` keeps what is used
    except (OSError, UnicodeDecodeError):
        return ""
    body, _, seal = text.rpartition("# sealed: ")
    return body if seal.strip() == hash_text(body) else ""


def _write_cached(cache: Path, key: str, text: str) -> None:
    folder = cache / "resolved"
    with guard_cache_writes(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / key, f"{text}# sealed: {hash_text(text)}\n".encode())

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
from ..errors import BuildRequestError, HashError, LockError, NoWheelError, PackageIndexError
from ..host.disk import guard_cache_writes
from ..host.progress import Tell
from ..host.tempdirs import make_step_folder
from . import lockfile, pip_compile, pylock, runtime_constraints, source_wheels, uv
from .file_options import ALL
from .indexes import PackageIndexes
from .lock_format import Lock, LockHeader, Pin, make_lock, parse_lock
from .markers import is_marker_true
from .other_hashes import find_sha256, has_other_hash
from .pip_compile import ResolutionPreferences
from .pip_container import PipContainer, ResolverContext, open_pip_container
from .pip_errors import ResolutionRequest
from .requirement_line import RequirementLine
from .requirements import Requirements
from .wheel_tags import get_platform, get_python_minor, make_marker_environment

__all__ = ["Lock", "LockOptions", "Pin", "lock"]
LOCKERS = ("pip-tools", "uv")
_FORMAT = "2"  # of what is kept in the cache


class LockOptions(Struct, frozen=True):
    """How to lock.

    `previous` is the lock whose pins are kept where they fit, but for those of `upgrade_packages`; with `upgrade` none
    is, and the cache is not asked. Without `is_cached` the lock is not kept in the cache. `offline`: no index is asked.
    """

    locker: str = "pip-tools"
    only_binary: bool = False
    previous: Lock | None = None
    upgrade: bool = False
    upgrade_packages: tuple[str, ...] = ()
    is_cached: bool = True
    offline: bool = False


def lock(requirements: Requirements, site: ResolverContext, options: LockOptions | None = None) -> Lock:
    """Return the lock of the requirements, for the interpreter of the site.

    For another architecture than this machine's there are wheels only.
    Errors: LockError and its subclasses, in terms of what the user wrote; WheelBuildError for a source distribution
    that cannot be built.
    """
    options = options or LockOptions()
    locker, previous, interpreter = options.locker, options.previous, site.interpreter
    if locker not in LOCKERS:
        raise BuildRequestError(f"--locker: expected one of {', '.join(LOCKERS)}, found {show_value(locker)}")
    resolution = _make_request(requirements, interpreter, site.indexes, options.only_binary or locker == "uv")
    names = tuple(sorted(options.upgrade_packages))
    head = lockfile.make_header(requirements, interpreter, locker)
    if requirements.pylock:
        pins = pylock.read_pylock(requirements.pylock, make_marker_environment(interpreter))
        runtime_constraints.check_pins(pins, resolution.limits, requirements.pylock.name)
        return make_lock(pins, replace(head, locker=f"{requirements.pylock.name}, taken as it is"))
    runtime_constraints.check_requirements(resolution.requirements, resolution.limits)
    if not resolution.requirements:
        return make_lock((), head)
    previous_pins = () if options.upgrade or previous is None else previous.pins
    key = _lock_key(resolution, head, site.indexes, previous_pins, names)
    if not options.upgrade and (text := _read_cached(site.cache, key)):
        return parse_lock(text, "a lock in the cache")
    if options.offline:
        raise PackageIndexError(
            f"offline, and there is no lock of what is needed: {requirements.used}",
            hint="`ovenbird lock` where there is a network, or bring it by `ovenbird bundle`",
        )
    site = replace(site, links=tuple(requirements.root / name for name in requirements.find_links))
    commits = _keep_commits(requirements, previous, names) if previous_pins and previous else {}
    pins = _resolve_pins(
        requirements, resolution, locker, ResolutionPreferences(previous_pins, names, requirements.pre), site, commits
    )
    runtime_constraints.check_pins(pins, resolution.limits, "the lock")
    lock = make_lock(_restrict_hashes(pins, resolution, requirements.require_hashes, site), head)
    if options.is_cached:
        _write_cached(site.cache, key, lock.text)
    return lock


def _make_request(
    requirements: Requirements, interpreter: TargetPython, indexes: PackageIndexes, only_binary: bool
) -> ResolutionRequest:
    """Return the request to the resolver, checked against the target's Python."""
    lockfile.check_target(requirements, interpreter)
    where = f"Python {get_python_minor(interpreter)} on {get_platform(interpreter)} ({interpreter.libc})"
    markers = make_marker_environment(interpreter)
    used = tuple(line for line in requirements.lines if is_marker_true(line.marker, markers, line.where))
    limits = tuple(
        line
        for line in (*requirements.constraints, *requirements.pinned)
        if is_marker_true(line.marker, markers, line.where)
    )
    limits = (*limits, *runtime_constraints.list_runtime_constraints(markers))
    binary = (
        (ALL,)
        if only_binary or is_foreign(interpreter) or ALL in requirements.only_binary
        else requirements.only_binary
    )
    return ResolutionRequest(used, limits, where, indexes.list_urls(), binary)


def is_foreign(interpreter: TargetPython) -> bool:
    """Return whether the target is of another architecture than this machine."""
    return interpreter.machine != this.machine()


def _keep_commits(requirements: Requirements, previous: Lock, upgrade: Iterable[str]) -> dict[str, Pin]:
    """Return the pins of repositories that stay at their commit, by the origin that is asked for as it was then."""
    kept_pins = {}
    for line in requirements.lines:
        if line.origin.startswith("git+") and requirements.format_line(line) in previous.head.requirements:
            address, _, folder = source_wheels.split_git(line.origin)
            for pin in previous.pins:
                previous_address, _, inside = source_wheels.split_git(pin.url)
                same = (previous_address, inside) == (address, folder) and line.name in ("", pin.name)
                if same and pin.name not in upgrade:
                    kept_pins[line.origin] = pin
    return kept_pins


def _resolve_pins(
    requirements: Requirements,
    resolution: ResolutionRequest,
    locker: str,
    choice: ResolutionPreferences,
    site: ResolverContext,
    commits: Mapping[str, Pin],
) -> tuple[Pin, ...]:
    """Return the pins, resolved anew, but for the repositories that stay at their commits."""
    title = f"lock what {len(resolution.requirements)} requirements need, by {locker}"
    machine = site.interpreter.machine if is_foreign(site.interpreter) else ""
    to_build = [line for line in resolution.requirements if line.origin]
    if to_build and machine:
        raise NoWheelError(
            f"{to_build[0].origin} ({to_build[0].where}) has to be built, which takes a machine of the target's "
            f"architecture ({machine})"
        )
    with make_step_folder(site.cache) as name:
        folder = Path(name)
        links = pip_compile.place_links(folder, site.links)
        if locker == "uv" and not to_build:
            with site.progress.stage(title) as report:
                text = uv.run_uv(
                    folder, resolution, [*links, *(line.text for line in resolution.requirements)], choice, site
                )
                return _report_pins(pip_compile.parse_pins(text, {}), report)
        with open_pip_container(site, folder, machine=machine) as container, site.progress.stage(title) as report:
            built = {
                line.origin: _build_wheel(line, requirements.root, container, resolution, commits) for line in to_build
            }
            files = {key: wheel.wheel.filename for key, wheel in built.items()}
            lines = [*links, *(pip_compile.format_line(line, files) for line in resolution.requirements)]
            if locker == "uv":
                text = uv.run_uv(folder, resolution, lines, choice, site)
            else:
                text = pip_compile.run_pip_compile(container, resolution, lines, choice)
            return _report_pins(
                pip_compile.parse_pins(text, {wheel.wheel.filename: wheel.pin() for wheel in built.values()}), report
            )


def _report_pins(pins: tuple[Pin, ...], report: Tell) -> tuple[Pin, ...]:
    report(f"{len(pins)} pins")
    return pins


def _build_wheel(
    line: RequirementLine,
    root: Path,
    container: PipContainer,
    resolution: ResolutionRequest,
    commits: Mapping[str, Pin],
) -> source_wheels.BuiltWheel:
    """Build the wheel of a requirement with an origin, and copy it to where the container sees it."""
    pin = commits.get(line.origin)
    built = (
        source_wheels.find_or_build(line, pin, root, container, resolution)
        if pin
        else source_wheels.build_wheel(line, root, container, resolution)
    )
    if line.name and line.name != built.wheel.name:
        raise LockError(
            f"{line.where}: {show_value(line.text)} builds {show_value(built.wheel.name)}, which is not"
            " the name it is given"
        )
    if (
        line.hashes
        and not source_wheels.is_file(line.origin, root)
        and f"sha256:{built.wheel.sha256}" not in line.hashes
    ):
        raise HashError(
            f"{line.where}: {show_value(line.text)} is built to sha256:{built.wheel.sha256}, expected {line.hashes[0]}"
        )
    (container.folder / "built").mkdir(exist_ok=True)
    shutil.copyfile(built.wheel.path, container.folder / "built" / built.wheel.filename)
    return built


def _restrict_hashes(
    pins: tuple[Pin, ...], resolution: ResolutionRequest, required: bool, site: ResolverContext
) -> tuple[Pin, ...]:
    """Return the pins, each with the hashes that every line of its name allows, as pip takes them.

    With `required` every pin needs such a line. Errors: HashError when no file of the index has such a hash, or no
    line names one.
    """
    restricted = []
    for pin in pins:
        rows = [
            line for line in (*resolution.requirements, *resolution.limits) if line.name == pin.name and line.hashes
        ]
        built = [line for line in resolution.requirements if pin.url and line.origin == pin.url and line.hashes]
        if required and not rows and not built:
            raise HashError(
                f"--require-hashes: no requirement names a hash of {pin.name}=={pin.version}"
                f" ({', '.join(pin.via) or 'asked for'})",
                hint="list it with its hashes, as `uv export` or `pip-compile --generate-hashes` does",
            )
        both = set(pin.hashes)
        lines = [line for line in rows if not line.origin]
        for line in lines:
            both &= {find_sha256(pin, line, site)} if has_other_hash(line) else set(line.hashes)
        if not both:
            allowed = " and ".join(f"{line.hashes[0]} ({line.where})" for line in lines)
            raise HashError(
                f"no file of {pin.name}=={pin.version} has the hash {allowed}",
                hint="the index has " + ", ".join(pin.hashes[:3]),
            )
        restricted.append(replace(pin, hashes=tuple(sorted(both))))
    return tuple(restricted)


def _lock_key(
    resolution: ResolutionRequest,
    head: LockHeader,
    indexes: PackageIndexes,
    previous_pins: tuple[Pin, ...],
    names: tuple[str, ...],
) -> str:
    """Return a digest of all that the answer depends on, credentials aside."""
    rows = [
        _FORMAT, *indexes.list_urls(), head.python, head.platform, head.libc, head.locker, head.inputs,
        resolution.only_binary, [line.text for line in resolution.limits],
        [line.text for line in resolution.requirements], names,
        [(pin.name, pin.version, pin.hashes, pin.url) for pin in previous_pins],
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

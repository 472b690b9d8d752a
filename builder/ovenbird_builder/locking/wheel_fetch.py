"""Each pin of a lock to a wheel at hand: from the cache, from the index in one go, or built from source.

pip runs on this machine to download, told the target's tags, and takes wheels only, so nothing of a package runs here;
it checks every hash. What has no wheel is built in a container of the base, by the target's Python.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform as this
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import canonicalize_name

from ovenbird.common.hashing import hash_text

from ..bases.probe import TargetPython, inspect_stored
from ..containers.working_container import resolve_image_name
from ..errors import LockError, NoWheelError, PackageIndexError, WheelBuildError
from ..host import process
from ..host.network import NetworkSettings
from ..host.tempdirs import make_step_folder
from . import source_wheels
from .indexes import PackageIndexes
from .lock_format import Lock, Pin
from .pip_compile import TOLD, place_links
from .pip_container import SHARED_DIR, PipContainer, ResolverContext, make_pip_environment, open_pip_container
from .pip_errors import ResolutionRequest, explain_unreachable, translate_pip_error
from .requirement_line import RequirementLine
from .wheel_tags import get_platform, get_python_minor, list_platform_tags, list_supported_tags, make_abi_tag
from .wheelhouse import Wheel, Wheelhouse

__all__ = ["Wheel", "fetch_wheels"]
_NONE = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+?)==")
_SOURCE = re.compile(r"Skipping link: No sources permitted for [^:]+: \S+\.(?:tar\.gz|zip)\b")
_FORMAT = "1"  # of the keys


@dataclass(frozen=True, slots=True)
class _WheelSearch:
    """What the search for wheels needs to know; `base` is the digest of the image, once it was asked for."""

    site: ResolverContext
    only_binary: bool
    request: ResolutionRequest
    base: list[str] = field(default_factory=list)

    @property
    def wheelhouse(self) -> Wheelhouse:
        return Wheelhouse(self.site.cache)

    @property
    def target(self) -> str:
        interpreter = self.site.interpreter
        return f"{make_abi_tag(interpreter)} {interpreter.machine} {interpreter.libc}"


def fetch_wheels(
    lock: Lock,
    site: ResolverContext,
    *,
    root: Path | None = None,
    offline: bool = False,
    only_binary: bool = False,
    identity: str = "",
) -> tuple[Wheel, ...]:
    """Return a wheel for each pin, in the order of the lock, each verified.

    `root` is what `file:` origins are relative to. `offline`: only what is in the cache. `identity` is the digest of
    the site's image, which then need not be in the store unless something has to be built.
    Errors: HashError, NoWheelError, PackageIndexError, RequirementMissingError, WheelBuildError, DiskFullError.
    """
    interpreter = site.interpreter
    target = f"Python {get_python_minor(interpreter)} on {get_platform(interpreter)} ({interpreter.libc})"
    rows = tuple(RequirementLine(f"{pin.name}=={pin.version}", "the lock", pin.name) for pin in lock.pins)
    resolution = ResolutionRequest(rows, (), target, site.indexes.list_urls(), (":all:",) if only_binary else ())
    search = _WheelSearch(site, only_binary, resolution, [identity] if identity else [])
    wheels = {pin.name: wheel for pin in lock.pins if (wheel := _find_noted(pin, search))}
    missing = [pin for pin in lock.pins if pin.name not in wheels]
    if missing and offline:
        tags = list_supported_tags(interpreter)
        wheels |= {pin.name: wheel for pin in missing if (wheel := search.wheelhouse.find_best(pin.hashes, tags))}
        if absent := [f"{pin.name}=={pin.version}" for pin in missing if pin.name not in wheels]:
            raise PackageIndexError(
                f"offline, and the cache has no wheel of {', '.join(absent)} for {target}",
                hint="build once with the network, or bring them by `ovenbird bundle`",
            )
    elif missing:
        wheels |= _fetch_missing(missing, search, root or Path())
    return tuple(wheels[pin.name] for pin in lock.pins)


def list_answers(lock: Lock, interpreter: TargetPython, cache: Path, *, identity: str) -> dict[str, dict[str, str]]:
    """Return which wheel each pin took on such a target, as `Wheelhouse.note` keeps it, for a bundle."""
    site = ResolverContext("", interpreter, PackageIndexes(), NetworkSettings(), cache, {}, 0)
    search = _WheelSearch(site, False, ResolutionRequest((), (), "", ()), [identity])
    keys = [key for pin in lock.pins for key in (_make_pin_key(pin, search), _make_built_key(pin, search))]
    return {key: value for key in keys if (value := search.wheelhouse.recall(key))}


def find_at_hand(lock: Lock, interpreter: TargetPython, cache: Path, *, identity: str) -> dict[str, Wheel]:
    """Return the wheels of pins that need neither the network nor a container, by their names."""
    site = ResolverContext("", interpreter, PackageIndexes(), NetworkSettings(), cache, {}, 0)
    search = _WheelSearch(site, False, ResolutionRequest((), (), "", ()), [identity])
    return {pin.name: wheel for pin in lock.pins if (wheel := _find_noted(pin, search))}


def _find_noted(pin: Pin, search: _WheelSearch) -> Wheel | None:
    """Return the wheel that a pin took before on such a target, or the only one that it allows."""
    if pin.url:
        return search.wheelhouse.find(pin.hashes[0].removeprefix("sha256:"))
    noted = search.wheelhouse.recall(_make_pin_key(pin, search))
    if "sdist" in noted:
        noted = search.wheelhouse.recall(_make_built_key(pin, search))
    return search.wheelhouse.find(noted["sha256"]) if "sha256" in noted else None


def _fetch_missing(missing: list[Pin], search: _WheelSearch, root: Path) -> dict[str, Wheel]:
    """Download or build the wheels that are not in the cache."""
    indexed = [pin for pin in missing if not pin.url]
    sources = [pin for pin in indexed if search.wheelhouse.recall(_make_pin_key(pin, search)).get("sdist")]
    indexed = [pin for pin in indexed if pin not in sources]
    wheels = _download_wheels(indexed, sources, search) if indexed else {}
    to_build = [*sources, *(pin for pin in missing if pin.url)]
    return wheels | (_build_wheels(to_build, search, root) if to_build else {})


def _download_wheels(indexed: list[Pin], sources: list[Pin], search: _WheelSearch) -> dict[str, Wheel]:
    """Download wheels from the index; a pin that is there as source only is moved to `sources`."""
    wheels: dict[str, Wheel] = {}
    title = f"download the wheels of {len(indexed)} pins"
    with search.site.progress.stage(title) as report, make_step_folder(search.site.cache) as name:
        place_links(Path(name), search.site.links)
        while indexed:
            lacking = _download(tuple(indexed), search, Path(name))
            if lacking is None:
                wheels |= _store_wheels(indexed, Path(name) / "wheels", search)
                break
            sources.append(lacking)
            indexed.remove(lacking)
        report(f"{len(wheels)} wheels, {sum(wheel.path.stat().st_size for wheel in wheels.values()) / 1e6:.1f} MB")
    return wheels


def _download(pins: tuple[Pin, ...], search: _WheelSearch, folder: Path) -> Pin | None:
    """Download the wheels of all pins by one pip into `folder/wheels`; return a pin that is there as source only.

    Errors: those of `pip_errors.translate_pip_error`; NoWheelError for a pin of which there is neither.
    """
    result = _run_pip_download(pins, search, folder)
    if not result.returncode:
        return None
    output = result.stderr + result.stdout
    match = _NONE.search(output)
    pin = next((pin for pin in pins if match and pin.name == canonicalize_name(match[1])), None)
    if pin is None or explain_unreachable(output, search.request):
        raise translate_pip_error(output, search.request)
    # asked again for this one alone, pip tells what it has passed over: a source, or files for others
    again = _run_pip_download((pin,), search, folder, "-vv")
    lines = [line for line in (again.stderr + again.stdout).splitlines() if any(word in line for word in TOLD)]
    if any(_SOURCE.search(line) for line in lines):
        return pin
    raise translate_pip_error("\n".join([*lines, output]), search.request)


def _run_pip_download(
    pins: tuple[Pin, ...], search: _WheelSearch, folder: Path, *flags: str
) -> process.CompletedProcess:
    """Run pip on this machine for the target; the caller judges the status. Errors: PackageIndexError."""
    (folder / "wheels").mkdir(exist_ok=True)
    links = "".join(f"--find-links {folder_of_links.as_uri()}\n" for folder_of_links in sorted(folder.glob("links-*")))
    (folder / "pins.txt").write_text(links + _format_pins(pins))
    site, interpreter = search.site, search.site.interpreter
    argv = [
        sys.executable, "-I", "-m", "pip", *flags, "download", "--require-hashes", "--no-deps", "--only-binary=:all:",
        f"--dest={folder / 'wheels'}", f"--python-version={get_python_minor(interpreter)}", "--implementation=cp",
        f"--abi={make_abi_tag(interpreter)}", *(f"--platform={tag}" for tag in list_platform_tags(interpreter)),
        f"--cache-dir={site.cache / 'pip'}", "--progress-bar=off", f"--requirement={folder / 'pins.txt'}",
    ]  # fmt: skip
    with site.indexes.write_config() as config:
        env = {
            "PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), **make_pip_environment(str(config)),
            **site.network.make_host_env(),
        }  # fmt: skip
        try:
            return process.run(argv, env=env, timeout=site.timeout, secrets=site.list_secrets(), check=False)
        except process.ProcessTimedOutError as error:
            raise PackageIndexError(f"downloading took longer than {site.timeout:g} s: {error.message}") from None


def _store_wheels(pins: Iterable[Pin], folder: Path, search: _WheelSearch) -> dict[str, Wheel]:
    """Store downloaded wheels in the cache, each noted for its pin."""
    by_name = {pin.name: pin for pin in pins}
    wheels = {}
    for path in sorted(folder.glob("*.whl")):
        wheel = search.wheelhouse.put(path)
        pin = by_name[wheel.name]
        search.wheelhouse.note(_make_pin_key(pin, search), {"filename": wheel.filename, "sha256": wheel.sha256})
        wheels[pin.name] = wheel
    if absent := sorted(by_name.keys() - wheels.keys()):
        raise LockError(f"pip downloaded no wheel of {', '.join(absent)}")
    return wheels


def _build_wheels(pins: Iterable[Pin], search: _WheelSearch, root: Path) -> dict[str, Wheel]:
    """Build the wheels of pins that have none, in one container of the base."""
    pins = tuple(pins)
    names = ", ".join(f"{pin.name}=={pin.version}" for pin in pins)
    if search.only_binary or search.site.interpreter.machine != this.machine():
        why = (
            "`--only-binary` refuses to build" if search.only_binary else "a build takes a machine of that architecture"
        )
        raise NoWheelError(f"no wheel for {search.request.target} of {names}, and {why}")
    wheels = {}
    with make_step_folder(search.site.cache) as name, open_pip_container(search.site, Path(name)) as container:
        links = place_links(container.folder, search.site.links)
        for pin in pins:
            with search.site.progress.stage(f"build the wheel of {pin.name} {pin.version}"):
                if pin.url:
                    wheels[pin.name] = source_wheels.rebuild_wheel(pin, root, container, search.request)
                else:
                    wheels[pin.name] = _build_wheel(pin, container, search, links)
    return wheels


def _build_wheel(pin: Pin, container: PipContainer, search: _WheelSearch, links: Iterable[str]) -> Wheel:
    """Build the wheel of a source distribution. Errors: WheelBuildError, those of `pip_errors`."""
    (container.folder / "pins.txt").write_text("".join(f"{line}\n" for line in links) + _format_pins([pin]))
    out = f"built-{pin.name}"
    words = ("wheel", "--require-hashes", "--no-deps", f"--wheel-dir={SHARED_DIR}/{out}", "--requirement=pins.txt")
    try:
        result = container.run("-m", "pip", *words)
    except process.ProcessTimedOutError:
        raise WheelBuildError(f"{pin.name}=={pin.version} was still building after {search.site.timeout:g} s") from None
    if result.returncode:
        problem = translate_pip_error(result.stderr + result.stdout, search.request)
        raise type(problem)(f"{pin.name}=={pin.version}: {problem.message}", hint=problem.hint)
    wheel = search.wheelhouse.put(next((container.folder / out).glob("*.whl")))
    search.wheelhouse.note(_make_pin_key(pin, search), {"sdist": "yes"})
    search.wheelhouse.note(_make_built_key(pin, search), {"filename": wheel.filename, "sha256": wheel.sha256})
    return wheel


def _format_pins(pins: Iterable[Pin]) -> str:
    """Return a requirements file of exactly these pins."""
    return "".join(f"{pin.name}=={pin.version} {' '.join(f'--hash={value}' for value in pin.hashes)}\n" for pin in pins)


def _make_pin_key(pin: Pin, search: _WheelSearch) -> str:
    rows = [_FORMAT, pin.name, pin.version, sorted(pin.hashes), search.target]
    return hash_text(json.dumps(rows))


def _make_built_key(pin: Pin, search: _WheelSearch) -> str:
    """Return the key of a wheel that was built from source: what builds it is the base, by its digest."""
    if not search.base:
        with contextlib.suppress(process.ProcessFailedError):  # not in the store yet
            search.base.append(inspect_stored(resolve_image_name(search.site.image)).digest)
    rows = [_FORMAT, pin.name, pin.version, sorted(pin.hashes), search.target, *search.base]
    return hash_text(json.dumps(rows))

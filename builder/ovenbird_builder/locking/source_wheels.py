"""Requirements that no index has: a git URL, a folder of the source, an archive. Built to a wheel, pinned by its hash.

The wheel is kept in the cache; when it is not there, it is built again from the same commit or content, by the same
build backend, with the same date, and has to come out the same.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import zipfile
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ovenbird.common.hashing import hash_text
from ovenbird.common.text import show_value
from ovenbird.function_document import FunctionSpec

from ..errors import HashError, SourceMissingError, WheelBuildError
from ..host import process
from ..sources import fetch
from ..sources.git_versions import copy_to_subfolder, make_version_variables
from .folder_content import copy_folder
from .lock_format import Pin
from .pip_container import SHARED_DIR, PipContainer, ResolverContext
from .pip_errors import ResolutionRequest, compare_hashes, translate_pip_error
from .requirement_line import RequirementLine
from .wheelhouse import Wheel, Wheelhouse

_GENERATOR = re.compile(r"(?m)^Generator: ([A-Za-z0-9._-]+)[ \t]+\(?v?([0-9][^)\s]*)\)?$")
_KNOWN = {"bdist_wheel": "wheel", "poetry-core": "poetry-core", "flit": "flit-core"}


class BuiltWheel(Struct, frozen=True):
    """A wheel, and where it was built from: a URL with its full commit, `file:` and a path; what built it."""

    wheel: Wheel
    url: str
    by: str

    def pin(self) -> Pin:
        """Return the pin of this wheel: no other file will do."""
        return Pin(self.wheel.name, self.wheel.version, (f"sha256:{self.wheel.sha256}",), self.url, (), self.by)


def build_wheel(
    line: RequirementLine,
    root: Path,
    container: PipContainer,
    resolution: ResolutionRequest,
    *,
    by: str = "",
) -> BuiltWheel:
    """Build the wheel of a requirement with an origin. `by` (`setuptools==80.9`) is the backend to use, if it is known.

    Errors: those of `sources.fetch` and of `pip_errors.translate_pip_error`; WheelBuildError.
    """
    folder = container.folder / f"from-{hash_text(line.origin)[:12]}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        target, url = _prepare_source(line.origin, root, folder / "source", container.site)
        env = make_version_variables(folder / "source") if line.origin.startswith("git+") else {}
        if by:
            (folder / "constraint.txt").write_text(f"{by}\n")
            env |= dict.fromkeys(
                ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"), f"{SHARED_DIR}/{folder.name}/constraint.txt"
            )  # the second since pip 25.3
        words: tuple[str, ...] = ("-m", "pip", "wheel", "--no-deps", f"--wheel-dir={SHARED_DIR}/{folder.name}/out")
        if line.hashes and is_file(line.origin, root):  # pip compares them with the file before anything of it runs
            folder.mkdir(exist_ok=True)
            options = "".join(f" --hash={value}" for value in line.hashes)
            (folder / "file.txt").write_text(f"{target}{options}\n")
            words = (*words, f"--requirement={SHARED_DIR}/{folder.name}/file.txt")
        else:
            words = (*words, "--", target)
        try:
            result = container.run(*words, env=env)
        except process.ProcessTimedOutError:
            raise WheelBuildError(
                f"{line.origin} was still building after {container.site.timeout:g} s ({line.where})"
            ) from None
        wheels = sorted((folder / "out").glob("*.whl")) if not result.returncode else []
        if not wheels:
            problem = translate_pip_error(result.stderr + result.stdout, resolution)
            if isinstance(problem, HashError):
                raise HashError(
                    f"{line.where}: the file {show_value(line.origin)} is not the one whose hash is named:"
                    f" {compare_hashes(result.stderr + result.stdout)}"
                )
            raise type(problem)(f"{line.origin} ({line.where}): {problem.message}", hint=problem.hint)
        wheel = Wheelhouse(container.site.cache).put(wheels[0])
        return BuiltWheel(wheel, url, find_generator(wheel.path))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_or_build(
    line: RequirementLine, pin: Pin, root: Path, container: PipContainer, resolution: ResolutionRequest
) -> BuiltWheel:
    """Return the wheel of a repository at the commit that a lock names, built again where it is not at hand any more.

    Errors: as `build_wheel`.
    """
    if wheel := Wheelhouse(container.site.cache).find(pin.hashes[0].removeprefix("sha256:")):
        return BuiltWheel(wheel, pin.url, pin.built)
    try:
        return build_wheel(replace(line, origin=pin.url), root, container, resolution, by=pin.built)
    except SourceMissingError as error:
        raise SourceMissingError(
            f"the commit that the lock names for {pin.name} is not there any more: {error.message}",
            hint=f"`ovenbird lock --upgrade-package {pin.name}`",
        ) from None


def is_file(origin: str, root: Path) -> bool:
    """Return whether an origin is a file, of the web or of the source, rather than a repository or a folder."""
    if origin.startswith("file:"):
        return (root / origin.removeprefix("file:")).is_file()
    return bool(origin) and not origin.startswith("git+")


def split_git(origin: str) -> tuple[str, str, str]:
    """Return the address, the ref (a branch, tag or commit; or empty) and the folder of a repository's URL."""
    url, _, fragment = origin.partition("#")
    folder = re.search(r"(?:^|&)subdirectory=([^&]+)", fragment)
    address, at, ref = url.rpartition("@")
    if not at or "/" not in address.partition("://")[2]:
        address, ref = url, ""
    return address, ref, folder[1] if folder else ""


def rebuild_wheel(
    pin: Pin,
    root: Path,
    container: PipContainer,
    resolution: ResolutionRequest,
) -> Wheel:
    """Build the wheel of a pin that has an origin once more.

    Errors: as `build_wheel`; HashError when the file is another one than the lock names.
    """
    line = RequirementLine(f"{pin.name} @ {pin.url}", "function.lock", pin.name, (), pin.url)
    built = build_wheel(line, root, container, resolution, by=pin.built)
    if f"sha256:{built.wheel.sha256}" not in pin.hashes:
        raise HashError(
            f"{pin.name}=={pin.version} built from {pin.url} is not the wheel that was locked: "
            f"got sha256:{built.wheel.sha256}, expected {pin.hashes[0]}",
            hint=f"what built it may have changed: `ovenbird lock --upgrade-package {pin.name}`",
        )
    return built.wheel


def find_generator(wheel: Path) -> str:
    """Return the build backend of a wheel as a requirement: `setuptools==80.9`; empty when the wheel does not say."""
    with contextlib.suppress(OSError, KeyError, zipfile.BadZipFile, StopIteration), zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/WHEEL"))
        if match := _GENERATOR.search(archive.read(name).decode(errors="replace")):
            return f"{_KNOWN.get(match[1], match[1])}=={match[2]}"
    return ""


def _prepare_source(origin: str, root: Path, into: Path, site: ResolverContext) -> tuple[str, str]:
    """Return the path in the container of the project that pip builds, and its origin with the commit."""
    mounted = f"{SHARED_DIR}/{into.parent.name}/{into.name}"
    into.parent.mkdir(parents=True)
    if origin.startswith("file:"):
        path = root / origin.removeprefix("file:")
        if path.is_file():
            into.mkdir()
            shutil.copyfile(path, into / path.name)
            return f"{mounted}/{path.name}", origin
        copy_folder(path, into)
        _normalize_modes(into)
        return mounted, origin
    if not origin.startswith("git+"):
        return origin, origin
    address, ref, folder = split_git(origin)
    function = FunctionSpec(
        root=root, name="requirement", handler="handler", source=address + (f"#{ref}" if ref else "")
    )
    tree = fetch(function, into, environ=site.environ, network=site.network, timeout=site.timeout, versions=True)
    if folder:
        copy_to_subfolder(tree.path, folder[1])
    _normalize_modes(tree.path)
    pinned = f"{address}@{tree.revision}" + (f"#subdirectory={folder}" if folder else "")
    return mounted + (f"/{folder}" if folder else ""), pinned


def _normalize_modes(folder: Path) -> None:
    """Set modes that do not depend on the umask: a wheel takes them over."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)

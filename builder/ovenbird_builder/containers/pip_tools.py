"""What is mounted into containers of a target to lock and build there: pip, pip-tools and what they need, as files.

A base image need not have any of it, and what it has does not count: the tools are the same for each target.
"""

from __future__ import annotations

import contextlib
import shutil
from importlib import metadata
from pathlib import Path

from ovenbird.common.hashing import hash_text
from ovenbird.common.install_hint import format_install_command
from ovenbird.common.text import show_value

from ..errors import ProgramMissingError
from ..host import process
from ..host.atomic_folders import fill_folder
from ..host.disk import guard_cache_writes
from ..host.network import MOUNT
from .working_container import WorkingContainer

MOUNTED = f"{MOUNT}/toolbox"  # to be put on PYTHONPATH
# tomli and typing-extensions: a target's Python may be older than the one that the builder runs under
PACKAGES = (
    "build", "click", "packaging", "pip", "pip-tools", "pyproject-hooks", "setuptools", "tomli",
    "typing-extensions", "wheel",
)  # fmt: skip
# of these, what each run of pip imports; setuptools is left to the few builds that need it
_IMPORTED = ("build", "click", "packaging", "pip", "piptools", "pyproject_hooks", "typing_extensions.py")
_PATIENCE = 120.0  # seconds, for what takes one or two
_SKIPPED = (".pyc", ".so", ".exe", ".pth", ".pyd")  # of another interpreter, or of use to an installed copy only


def prepare_toolbox(cache: Path) -> Path:
    """Return the folder in the cache that holds the tools; it is made once for each set of versions.

    Errors: ProgramMissingError when this environment lacks one; DiskFullError when the cache cannot be written.
    """
    distributions = [_find_distribution(name) for name in PACKAGES]
    names = "".join(f"{distribution.metadata['Name']}=={distribution.version}\n" for distribution in distributions)
    target = cache / "toolbox" / hash_text(names)[:32]
    if not target.is_dir():
        with guard_cache_writes(target), fill_folder(target) as folder:
            for distribution in distributions:
                for file, source in _list_files(distribution):
                    _copy(source, folder / file)
    return target


def mount_toolbox(cache: Path) -> str:
    """Return the toolbox as a mount of a container."""
    return f"{prepare_toolbox(cache)}:{MOUNTED}:ro"


def compile_toolbox(cache: Path, container: WorkingContainer, python: str, magic: str) -> None:
    """Write the bytecode of the tools for the Python of a container, once for each `magic` number of bytecode.

    Without it each run of pip would spend most of its time on compiling pip. Only in this run can the container write
    to the tools, and nothing but the base's Python runs: code of a package, which later runs execute, cannot. A
    failure costs that time and nothing else.
    """
    toolbox = prepare_toolbox(cache)
    marker = toolbox / f".compiled-{magic}"
    if marker.exists():
        return
    paths = [f"{MOUNTED}/{name}" for name in _IMPORTED]
    command = [python, "-I", "-m", "compileall", "-q", *paths]
    with contextlib.suppress(process.ProcessTimedOutError, OSError):
        mounts = [f"{toolbox}:{MOUNTED}"]
        if not container.run(command, mounts=mounts, network=False, timeout=_PATIENCE, check=False).returncode:
            marker.touch()


def format_versions() -> str:
    """Return the versions for the head of a lock: `pip-tools 7.6.2, pip 26.3`."""
    return f"pip-tools {_find_distribution('pip-tools').version}, pip {_find_distribution('pip').version}"


def copy_pip(into: Path, *more: str) -> None:
    """Copy pip, and the tools `more`, to the folder `into`, for a build whose context has to hold them."""
    for name in ("pip", *more):
        for file, source in _list_files(_find_distribution(name)):
            _copy(source, into / file)


def _find_distribution(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise ProgramMissingError(
            f"the package {show_value(name)} is not installed beside Ovenbird", hint=format_install_command("build")
        ) from None


def _list_files(distribution: metadata.Distribution) -> list[tuple[Path, Path]]:
    """Return the files of a distribution, each with its path here: no commands, no bytecode, nothing compiled."""
    return [
        (Path(file), Path(str(distribution.locate_file(file))))
        for file in distribution.files or ()
        if ".." not in file.parts and not file.is_absolute() and file.suffix not in _SKIPPED
    ]


def _copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, destination)

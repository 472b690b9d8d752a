"""Bytecode that is never stale: compiled once per wheel by the target's interpreter, with unchecked hashes.

A hash says nothing of times, so the layer's normalised ones do no harm; unchecked, so a start reads no source.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from ovenbird.common.text import show_value

from ..cache.layer import compute_key
from ..cache.layer_cache import LayerCache
from ..containers.working_container import ImageName, open_container, resolve_image_name
from ..errors import IncompatibleBaseError, LayerError
from ..host.disk import guard_cache_writes
from ..host.network import MOUNT
from ..host.process import ProcessFailedError
from . import InstallScheme, WheelPackage, WheelTarget

if TYPE_CHECKING:
    from .wheel import InstalledFile

_SCRIPT = (Path(__file__).parent / "_compile.py").read_text()
_UNFIT = 33  # its exit status when it is run by another Python
_FILES = 32  # sources in one fork; part of the key through the script's number below
_VERSION = 3  # raised when the script, `_FILES`, which files are compiled, or what is hidden for them change
# nothing that the image's environment says may change what is compiled
_ENV = {
    "PYTHONHASHSEED": "0", "PYTHONPATH": "", "PYTHONHOME": "", "PYTHONOPTIMIZE": "", "PYTHONWARNINGS": "ignore",
    "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1",
}  # fmt: skip


def compute_bytecode_key(wheel: WheelPackage, scheme: InstallScheme, target: WheelTarget) -> str:
    """Return the key of a wheel's bytecode: one for all architectures, as bytecode does not depend on it."""
    python = [target.version, target.magic, get_cache_tag(target)]
    return compute_key(
        "bytecode", script=_VERSION, wheel=[wheel.filename, wheel.sha256], python=python,
        places=[scheme.purelib, scheme.platlib],
    )  # fmt: skip


def get_cache_tag(target: WheelTarget) -> str:
    """Return the tag in the file names of a Python's bytecode: `cpython-312`."""
    return "-".join(target.soabi.split("-")[:2])


def compile_wheels(
    wheels: Sequence[WheelPackage],
    scheme: InstallScheme,
    target: WheelTarget,
    image: ImageName,
    cache: LayerCache,
    *,
    jobs: int = 0,
) -> int:
    """Compile the wheels whose bytecode is not in the cache, all in one container of `image`; how many there were.

    `image` must hold the same Python as the target; it may be of another architecture.
    Errors: IncompatibleBaseError when it holds another one; LayerError when it fails; those of `open_container`.
    """
    missing = [wheel for wheel in wheels if cache.find(compute_bytecode_key(wheel, scheme, target)) is None]
    if not missing:
        return 0
    with cache.open_workspace() as folder:
        (folder / "in").mkdir()
        (folder / "out").mkdir()
        paths = [_write_sources(folder / "in", number, wheel, scheme) for number, wheel in enumerate(missing)]
        if any(paths):
            _compile(folder, target, image, jobs or os.cpu_count() or 1)
        from .wheel import format_bytecode_path

        tag = (folder / "tag").read_text() if any(paths) else ""
        for number, wheel in enumerate(missing):
            files = _read_results(paths[number], folder / "out", number)
            named = ((format_bytecode_path(path, tag).lstrip("/"), data) for path, data in files)
            _store_bytecode(cache, compute_bytecode_key(wheel, scheme, target), wheel, named)
    return len(missing)


@contextmanager
def open_bytecode(
    wheel: WheelPackage, scheme: InstallScheme, target: WheelTarget, cache: LayerCache
) -> Iterator[tuple[InstalledFile, ...]]:
    """Yield the bytecode files of a wheel, readable while the context lasts; `compile_wheels` comes first."""
    from .wheel import InstalledFile

    entry = cache.find(compute_bytecode_key(wheel, scheme, target))
    assert entry, wheel.filename
    with zipfile.ZipFile(cache.locate_blob(entry.digest)) as archive:
        yield tuple(
            InstalledFile("/" + info.filename, info.file_size, _make_opener(archive, info))
            for info in archive.infolist()
        )


def _make_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _write_sources(folder: Path, number: int, wheel: WheelPackage, scheme: InstallScheme) -> list[str]:
    """Write the sources of a wheel for the script, in pieces that depend on the wheel only; their paths."""
    from .wheel import open_installation

    with open_installation(wheel, scheme) as installation:
        sources = installation.list_sources(scheme)
        for start in range(0, len(sources), _FILES):
            with guard_cache_writes(folder), (folder / f"{number:05}-{start:05}").open("wb") as out:
                for item in sources[start : start + _FILES]:
                    _write_source(out, item)
    return [item.path for item in sources]


def _write_source(out: BinaryIO, item: InstalledFile) -> None:
    path = item.path.encode("utf-8", "surrogateescape")
    with item.open() as content:
        data = content.read()
    out.write(b"%d %d\n" % (len(path), len(data)) + path + data)


def _compile(folder: Path, target: WheelTarget, image: ImageName, jobs: int) -> None:
    inside = f"{MOUNT}/compile"
    argv = (target.executable, "-S", "-s", "-B", "-c", _SCRIPT, inside, str(jobs), target.version, target.magic)
    with open_container(image) as container:
        try:
            container.run(argv, env=_ENV, mounts=(f"{folder}:{inside}",), network=False)
        except ProcessFailedError as error:
            if error.returncode != _UNFIT:
                raise LayerError(
                    f"the wheels could not be compiled in {show_value(resolve_image_name(image))}: {error.message}"
                ) from error
            raise IncompatibleBaseError(
                f"{show_value(resolve_image_name(image))} cannot compile for Python {target.version}: {error.message}",
                hint="the image that compiles must hold exactly the target's Python",
            ) from error


def _store_bytecode(cache: LayerCache, key: str, wheel: WheelPackage, files: Iterable[tuple[str, bytes]]) -> None:
    """Pack the bytecode of a wheel into an archive, without compression: it is read whenever a layer is made."""
    with cache.open_draft() as draft:
        # a ZipFile never closes what it has not opened, so a draft has no `close`, which typeshed asks for
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]  # no close
            for path, data in files:
                archive.writestr(zipfile.ZipInfo(path), data)
        cache.remember(key, draft, "application/zip", f"bytecode of {wheel.name} {wheel.version}")


def _read_results(paths: list[str], out: Path, number: int) -> Iterator[tuple[str, bytes]]:
    for start in range(0, len(paths), _FILES):
        with (out / f"{number:05}-{start:05}").open("rb") as file:
            for path in paths[start : start + _FILES]:
                length = int(file.readline())
                if length >= 0:
                    yield path, file.read(length)

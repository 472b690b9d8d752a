"""Install a wheel into a tar instead of a folder: the library `installer` decides what goes where."""

from __future__ import annotations

import base64
import configparser
import csv
import errno
import io
import lzma
import posixpath
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import installer
from installer.destinations import WheelDestination
from installer.exceptions import InstallerError
from installer.records import InvalidRecordEntry, RecordEntry
from installer.scripts import Script
from installer.sources import WheelFile
from msgspec import Struct
from msgspec.structs import replace

from ovenbird.common.text import show_value

from ..errors import LayerError
from . import InstallScheme, WheelPackage
from .elf import strip_symbols
from .tar_writer import TarWriter

INSTALLER = b"ovenbird\n"
_TESTS = re.compile(r".+/tests?/")  # a package at the top that is called so is no package's tests
_WRAPPER = re.compile(r"(?i)(\.exe|-script\.py|\.pya)$")  # what setuptools puts behind the name of an entry point
# all that `installer` and `zipfile` raise for a wheel that is none, is damaged, encrypted or wants to leave its place
_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, InstallerError, configparser.Error,
    ValueError, KeyError, AssertionError, NotImplementedError,
    RuntimeError, lzma.LZMAError, InvalidRecordEntry,
)  # fmt: skip


class InstalledFile(Struct, frozen=True):
    """A file of an installed wheel: its path in the image, and its content, as bytes or by a call that opens it."""

    path: str
    size: int
    content: bytes | Callable[[], IO[bytes]]
    executable: bool = False

    def open(self) -> IO[bytes]:
        """Return its content as a stream."""
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content()


class Installation(Struct, frozen=True):
    """What installing a wheel writes, sorted by path, but for RECORD, whose path is `record`.

    `hidden` are paths of bytecode that the layer hides, should something below have it: of sources without their own.
    """

    items: tuple[InstalledFile, ...]
    record: str
    hidden: tuple[str, ...] = ()

    def list_sources(self, scheme: InstallScheme) -> tuple[InstalledFile, ...]:
        """Return the Python files that a function may import.

        Not a package's own tests, which are half of numpy or pandas.
        """
        roots = (scheme.purelib + "/", scheme.platlib + "/")
        sources = (item for item in self.items if item.path.endswith(".py") and item.path.startswith(roots))
        inside = {item: item.path.removeprefix(roots[0]).removeprefix(roots[1]) for item in sources}
        return tuple(item for item, path in inside.items() if not _TESTS.search(path))

    @property
    def paths(self) -> set[str]:
        """Return the paths that it decides about: those of its files, and those that it hides."""
        return {*(item.path for item in self.items), *self.hidden}

    def with_bytecode(self, more: Iterable[InstalledFile], scheme: InstallScheme, tag: str) -> Installation:
        """Return the same with bytecode, which Python will not check; none of another wheel's file stays beside ours.

        A source that is no Python, as a template is, has none; `tag` (`cpython-312`) is that of its name. Bytecode of
        a source that is not among the files is left out.
        """
        paths = [format_bytecode_path(item.path, tag) for item in self.list_sources(scheme)]
        sources = set(paths)
        items = tuple(
            sorted((*self.items, *(item for item in more if item.path in sources)), key=lambda item: item.path)
        )
        present = {item.path for item in items}
        return replace(self, items=items, hidden=tuple(path for path in paths if path not in present))

    def without(self, paths: set[str]) -> Installation:
        """Return the same without some files, which another wheel brings."""
        return replace(
            self,
            items=tuple(item for item in self.items if item.path not in paths),
            hidden=tuple(path for path in self.hidden if path not in paths),
        )

    def strip(self, libraries: Mapping[str, int]) -> Installation:
        """Return the same with some shared libraries without their symbols: by path, the bytes that each saves."""
        items = (
            replace(item, size=item.size - libraries[item.path], content=partial(_open_stripped, item))
            if item.path in libraries
            else item
            for item in self.items
        )
        return replace(self, items=tuple(items))

    def write(self, tar: TarWriter) -> None:
        """Write all of it; RECORD comes last, as it holds the digests of the others."""
        for path in self.hidden:
            tar.add_whiteout(path)
        root = posixpath.dirname(posixpath.dirname(self.record))
        rows = [(posixpath.relpath(self.record, root), "", "")]
        for item in self.items:
            with item.open() as content:
                entry = tar.add_file(item.path, item.size, content, executable=item.executable)
            row = posixpath.relpath(item.path, root)
            if item.path.endswith(".pyc"):  # as pip has it: bytecode comes and goes
                rows.append((row, "", ""))
            else:
                digest = base64.urlsafe_b64encode(entry).decode().rstrip("=")
                rows.append((row, f"sha256={digest}", str(item.size)))
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(sorted(rows))
        data = text.getvalue().encode("utf-8", "surrogateescape")
        tar.add_file(self.record, len(data), data)


def _open_stripped(library: InstalledFile) -> IO[bytes]:
    with library.open() as content:
        return io.BytesIO(strip_symbols(content.read()))


def format_bytecode_path(source: str, tag: str) -> str:
    """Return where the bytecode of a source lies."""
    folder, name = posixpath.split(source)
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.{tag}.pyc"


@contextmanager
def open_installation(wheel: WheelPackage, scheme: InstallScheme) -> Iterator[Installation]:
    """Work out where the files of a wheel go; their content can be read while the context lasts.

    Errors: LayerError when it is no wheel, or a file of it would leave its place.
    """
    try:
        with zipfile.ZipFile(wheel.path) as archive, closing(_Destination(scheme, wheel.name)) as destination:
            installer.install(_Wheel(archive, wheel.filename), destination, {"INSTALLER": INSTALLER})
            items = sorted(destination.items.values(), key=lambda item: item.path)
            yield Installation(tuple(items), destination.record)
    except _BROKEN as error:
        raise LayerError(f"{wheel.filename} cannot be installed: {_describe_error(error)}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise LayerError(f"{wheel.filename} cannot be installed: a member lies outside of the file") from error


def _describe_error(error: BaseException) -> str:
    texts = [arg for arg in error.args if isinstance(arg, str)]
    return texts[-1] if texts else type(error).__name__


def list_contents(path: Path) -> tuple[int, tuple[str, ...]]:
    """Return how large a wheel is when it is installed, in bytes, and the names in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError) as error:
        raise LayerError(f"{path.name} is not a wheel: {error}") from error
    return sum(info.file_size for info in members), tuple(info.filename for info in members)


class _Member(io.RawIOBase):
    """A member of the wheel that is opened only when it is read."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
        self.info = info
        self._archive = archive

    def start(self) -> IO[bytes]:
        return self._archive.open(self.info)


class _Wheel(WheelFile):
    """A wheel that lists its members without reading them, and leaves out bytecode that was packed into it."""

    def __init__(self, archive: zipfile.ZipFile, filename: str) -> None:
        name, archive.filename = archive.filename, filename  # the file at hand may be named by its digest
        super().__init__(archive)
        archive.filename = name

    def get_contents(self) -> Iterator[Any]:
        for info in self._zipfile.infolist():
            if info.filename.endswith("/") or "__pycache__" in info.filename.split("/")[:-1]:
                continue
            mode = info.external_attr >> 16
            executable = bool(mode and stat.S_ISREG(mode) and mode & 0o111)
            yield (self._spell(info.filename), "", ""), _Member(self._zipfile, info), executable

    def read_dist_info(self, filename: str) -> str:
        text = super().read_dist_info(filename)
        return _keep_last_scripts(text) if filename == "entry_points.txt" else text

    def _spell(self, path: str) -> str:
        """Return the path with its `.data` folder as `installer` expects it: pip takes any at the top that ends so."""
        first, slash, rest = path.partition("/")
        return f"{self.data_dir}/{rest}" if slash and first.endswith(".data") else path


def _keep_last_scripts(text: str) -> str:
    """Return the scripts of an `entry_points.txt`, each name once: of several the last, as pip has it."""
    sections: dict[str, dict[str, str]] = {"console_scripts": {}, "gui_scripts": {}}
    section: dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = sections.get(line[1:-1], {})
        elif line and not line.startswith("#") and "=" in line:
            name, _, value = line.partition("=")
            section[name.strip()] = value.strip()
    return "".join(
        f"[{title}]\n" + "".join(f"{name} = {value}\n" for name, value in scripts.items())
        for title, scripts in sections.items()
    )


class _Destination(WheelDestination):
    """Collects what would be written where."""

    def __init__(self, scheme: InstallScheme, name: str) -> None:
        self.items: dict[str, InstalledFile] = {}
        self.record = ""
        self._wrappers: set[str] = set()  # names of entry points, which come first
        self._executable = scheme.executable
        self._places = {
            "purelib": scheme.purelib,
            "platlib": scheme.platlib,
            "scripts": scheme.scripts,
            "data": scheme.data,
            "headers": f"{scheme.include}/{name}",
        }

    def close(self) -> None:
        self.items.clear()

    def write_script(self, name: str, module: str, attr: str, section: Any) -> RecordEntry:
        self._wrappers.add(name)
        name, data = Script(name, module, attr, section).generate(self._executable, "posix")
        return self._add("scripts", name, len(data), data, True)

    def write_file(self, scheme: str, path: Any, stream: Any, is_executable: bool) -> RecordEntry:
        if not isinstance(stream, _Member):
            data = stream.read()
            return self._add(scheme, path, len(data), data, is_executable)
        if scheme == "scripts" and _WRAPPER.sub("", posixpath.basename(path)) in self._wrappers:
            return RecordEntry(path, None, None)  # as pip: made by an old setuptools for its own place
        if scheme == "scripts":
            with stream.start() as file:
                first = file.readline(4096)
                if first.startswith(b"#!python"):
                    data = f"#!{self._executable}\n".encode() + file.read()
                    return self._add(scheme, path, len(data), data, True)
        executable = is_executable or scheme == "scripts"
        return self._add(scheme, path, stream.info.file_size, stream.start, executable)

    def finalize_installation(self, scheme: str, record_file_path: str, records: Any) -> None:  # noqa: ARG002  # named
        self.record = self._resolve_path(scheme, record_file_path)

    def _add(
        self, scheme: str, path: str, size: int, content: bytes | Callable[[], IO[bytes]], executable: bool
    ) -> RecordEntry:
        target = self._resolve_path(scheme, path)
        self.items[target] = InstalledFile(
            target, size, content, executable
        )  # of two with one name the later, as when unpacked
        return RecordEntry(path, None, None)

    def _resolve_path(self, scheme: str, path: str) -> str:
        root = self._places[scheme]
        target = posixpath.normpath(posixpath.join(root, path))
        if path.startswith("/") or "\\" in path or not target.startswith(root.rstrip("/") + "/"):
            raise ValueError(f"{show_value(path)} would leave {root}")
        return target

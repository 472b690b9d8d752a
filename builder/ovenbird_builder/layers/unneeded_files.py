"""What of an installed wheel a service does not need: its tests, headers, sources of extensions, libraries, stubs.

None of it is of use for the rest of its own distribution: no module imports it, and none names it as a file. Of shared
libraries that is the symbols which only a debugger reads.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from . import InstallScheme
from .elf import strip_symbols
from .own_tests import find_own_tests
from .slim_exceptions import HEADERS, LIBRARIES, SOURCES, STUBS, SYMBOLS, TESTS, list_kept_kinds
from .wheel import Installation

_ENDINGS = {
    **dict.fromkeys(("h", "hh", "hpp", "hxx", "h++", "cuh", "inl", "ipp", "tcc", "pxd"), HEADERS),
    **dict.fromkeys(("c", "cc", "cpp", "cxx", "c++", "cu", "pyx", "pxi", "f", "for", "f77", "f90", "f95"), SOURCES),
    "a": LIBRARIES,
    "pyi": STUBS,
}
_TEMPLATE = re.compile(r"\.(in|src|tp)$")  # `.pyx.in`, `.c.src`: what sources are generated from
_STUBS_READ = re.compile(rb"attach_stub|\.pyi[\"']")  # by `lazy_loader`, or by what checks types
_ENDING = re.compile(rb"\.(?:%s)(?:\.(?:in|src|tp))?(?![\w+])" % b"|".join(re.escape(x).encode() for x in _ENDINGS))
_NAME = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-"
_LONGEST = 100  # bytes of a file's name that are looked at
_LIBRARY = re.compile(r"\.so(\.[0-9]+)*$")
_LARGEST = 256 << 20  # bytes of a library that is stripped: it is in memory twice meanwhile


def find_unneeded(installation: Installation, scheme: InstallScheme, name: str) -> dict[str, str]:
    """Return the paths of an installed wheel that nothing needs at run time, each with its kind.

    `name` is the distribution's, normalised: some need what others do not.
    """
    roots = tuple(dict.fromkeys((scheme.purelib + "/", scheme.platlib + "/")))
    kept_kinds = list_kept_kinds(name)
    inside = {
        item.path.removeprefix(roots[0]).removeprefix(roots[-1]): item
        for item in installation.items
        if item.path.startswith(roots) and ".dist-info/" not in item.path
    }

    def read(path: str) -> bytes:
        with inside[path].open() as content:
            return content.read()

    unneeded: dict[str, str] = {}
    if TESTS not in kept_kinds:
        unneeded = {inside[path].path: TESTS for path in find_own_tests(inside, read)}
    is_compiled = any(item.path.endswith(".so") for item in installation.items)  # else sources are data
    candidates = {
        item.path: kind
        for item in installation.items
        if item.path not in unneeded and ".dist-info/" not in item.path
        and (kind := _find_kind(item.path, scheme)) and kind not in kept_kinds and (is_compiled or kind == STUBS)
    }  # fmt: skip
    modules = [path for path in inside if path.endswith(".py") and inside[path].path not in unneeded]
    return unneeded | _drop_named(candidates, map(read, modules) if candidates else ())


def measure_symbols(installation: Installation, name: str) -> list[tuple[str, str, int]]:
    """Return path, kind and saved bytes of each shared library of a wheel that is smaller without its symbols.

    `name` is the distribution's, normalised: some keep theirs.
    """
    rows = []
    for item in () if SYMBOLS in list_kept_kinds(name) else installation.items:
        if _LIBRARY.search(item.path) and item.size <= _LARGEST:
            with item.open() as content:
                saved = item.size - len(strip_symbols(content.read()))
            if saved:
                rows.append((item.path, SYMBOLS, saved))
    return rows


def _find_kind(path: str, scheme: InstallScheme) -> str:
    """Return the kind of a file by its name, empty for one that is needed."""
    name = _TEMPLATE.sub("", posixpath.basename(path).lower())
    if path.startswith(scheme.include + "/"):
        return HEADERS
    return _ENDINGS.get(name.rpartition(".")[2], "") if "." in name.lstrip(".") else ""


def _drop_named(candidates: Mapping[str, str], modules: Iterable[bytes]) -> dict[str, str]:
    """Return the candidates without those that a module of the distribution names, as one that compiles them does."""
    named: set[bytes] = set()
    has_read_stubs = False
    for data in modules:
        named.update(_list_file_names(data))
        has_read_stubs = has_read_stubs or _STUBS_READ.search(data) is not None
    return {
        path: kind
        for path, kind in candidates.items()
        if not (has_read_stubs if kind == STUBS else posixpath.basename(path).encode("utf-8", "replace") in named)
    }


def _list_file_names(data: bytes) -> Iterator[bytes]:
    """Yield what in a module may be the name of a header, a source or a library."""
    for match in _ENDING.finditer(data):
        before = data[max(0, match.start() - _LONGEST) : match.start()]
        yield before[len(before.rstrip(_NAME)) :] + match[0]

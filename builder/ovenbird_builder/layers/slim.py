"""`--slim`: which wheels lose what they do not need at run time, and what that is, found once per wheel.

Whole files are left out, and shared libraries lose their symbol tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from ..cache.layer import compute_key
from ..cache.layer_cache import LayerCache
from . import InstallScheme, WheelPackage
from .slim_exceptions import SYMBOLS

VERSION = 2  # raised when the rules, or the table of exceptions, leave out other files; part of keys
KEYS = ("files", "bytes")


class SlimRules(Struct, frozen=True):
    """All packages but `exceptions`, by normalised names, lose the files that they do not need at run time."""

    exceptions: tuple[str, ...] = ()

    def list_slim(self, wheels: Iterable[WheelPackage]) -> list[WheelPackage]:
        """Return the wheels that may lose files."""
        return [wheel for wheel in wheels if wheel.name not in self.exceptions]


class LeftOut(Struct, frozen=True):
    """What a slim layer leaves out of a wheel: how many files and bytes, and the same for each kind.

    The kind "symbols" has bytes of files that stay, and no files.
    """

    name: str
    version: str
    files: int
    size: int
    kinds: Mapping[str, Sequence[int]]

    def describe(self) -> dict[str, object]:
        """Return the row of it in the result of a build."""
        kinds = {kind: dict(zip(KEYS, numbers, strict=True)) for kind, numbers in sorted(self.kinds.items())}
        return {"name": self.name, "version": self.version, "files": self.files, "bytes": self.size, "kinds": kinds}


def measure_left_out(
    wheels: Iterable[WheelPackage], rules: SlimRules | None, scheme: InstallScheme, cache: LayerCache
) -> tuple[LeftOut, ...]:
    """Return what is left out of each wheel that loses files. Errors: LayerError."""
    rows = []
    for wheel in rules.list_slim(wheels) if rules else ():
        key = _compute_key("left out", wheel, scheme)
        kinds = cache.recall(key)
        if kinds is None:
            kinds = _count(_find_left_out(wheel, scheme, cache))
            cache.note(key, kinds, f"what slim leaves out of {wheel.name} {wheel.version}")
        files, size = (sum(numbers[index] for numbers in kinds.values()) for index in (0, 1))
        if files or size:
            rows.append(LeftOut(wheel.name, wheel.version, files, size, kinds))
    return tuple(rows)


def list_left_out(wheel: WheelPackage, scheme: InstallScheme, cache: LayerCache) -> set[str]:
    """Return the paths that a slim layer leaves out of a wheel. Errors: LayerError."""
    return {path for path, kind, _ in _find_left_out(wheel, scheme, cache) if kind != SYMBOLS}


def list_stripped(wheel: WheelPackage, scheme: InstallScheme, cache: LayerCache) -> dict[str, int]:
    """Return the paths of the shared libraries that a slim layer has without symbols, with the bytes that each saves.

    Errors: LayerError.
    """
    return {path: size for path, kind, size in _find_left_out(wheel, scheme, cache) if kind == SYMBOLS}


def _find_left_out(wheel: WheelPackage, scheme: InstallScheme, cache: LayerCache) -> list[tuple[str, str, int]]:
    """Return path, kind and bytes of each file that is left out or stripped; looked for once: much has to be read."""
    key = _compute_key("left out files", wheel, scheme)
    rows = cache.recall(key)
    if rows is None:
        from .unneeded_files import find_unneeded, measure_symbols
        from .wheel import open_installation

        with open_installation(wheel, scheme) as installation:
            kinds = find_unneeded(installation, scheme, wheel.name)
            rows = [(item.path, kinds[item.path], item.size) for item in installation.items if item.path in kinds]
            rows += measure_symbols(installation.without(set(kinds)), wheel.name)
        cache.note(key, rows, f"files that slim leaves out of {wheel.name} {wheel.version}")
    return [(str(path), str(kind), int(size)) for path, kind, size in rows]


def _count(rows: Iterable[tuple[str, str, int]]) -> dict[str, list[int]]:
    kinds: dict[str, list[int]] = {}
    for _, kind, size in rows:
        numbers = kinds.setdefault(kind, [0, 0])
        numbers[0] += kind != SYMBOLS
        numbers[1] += size
    return kinds


def _compute_key(kind: str, wheel: WheelPackage, scheme: InstallScheme) -> str:
    return compute_key(
        kind, rules=VERSION, wheel=[wheel.filename, wheel.sha256],
        places=[scheme.purelib, scheme.platlib, scheme.scripts, scheme.data, scheme.include],
    )  # fmt: skip

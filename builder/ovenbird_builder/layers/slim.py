"""`--slim`: which wheels lose what they do not need at run time, and what that is, found once per wheel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from ..cache.layer import compute_key
from ..cache.layer_cache import LayerCache
from . import InstallScheme, WheelPackage

VERSION = 1  # raised when the rules, or the table of exceptions, leave out other files; part of keys
KEYS = ("files", "bytes")


class SlimRules(Struct, frozen=True):
    """All packages but `exceptions`, by normalised names, lose the files that they do not need at run time."""

    exceptions: tuple[str, ...] = ()

    def list_slim(self, wheels: Iterable[WheelPackage]) -> list[WheelPackage]:
        """Return the wheels that may lose files."""
        return [wheel for wheel in wheels if wheel.name not in self.exceptions]


class LeftOut(Struct, frozen=True):
    """What a slim layer leaves out of a wheel: how many files and bytes, and the same for each kind."""

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
        if files:
            rows.append(LeftOut(wheel.name, wheel.version, files, size, kinds))
    return tuple(rows)


def list_left_out(wheel: WheelPackage, scheme: InstallScheme, cache: LayerCache) -> set[str]:
    """Return the paths that a slim layer leaves out of a wheel. Errors: LayerError."""
    return {path for path, _, _ in _find_left_out(wheel, scheme, cache)}


def _find_left_out(wheel: WheelPackage, scheme: InstallScheme, cache: LayerCache) -> list[tuple[str, str, int]]:
    """Return path, kind and size of each file; looked for once, as many modules have to be read."""
    key = _compute_key("left out files", wheel, scheme)
    rows = cache.recall(key)
    if rows is None:
        from .unneeded_files import find_unneeded
        from .wheel import open_installation

        with open_installation(wheel, scheme) as installation:
            kinds = find_unneeded(installation, scheme, wheel.name)
            rows = [(item.path, kinds[item.path], item.size) for item in installation.items if item.path in kinds]
        cache.note(key, rows, f"files that slim leaves out of {wheel.name} {wheel.version}")
    return [(str(path), str(kind), int(size)) for path, kind, size in rows]


def _count(rows: Iterable[tuple[str, str, int]]) -> dict[str, list[int]]:
    kinds: dict[str, list[int]] = {}
    for _, kind, size in rows:
        numbers = kinds.setdefault(kind, [0, 0])
        numbers[0] += 1
        numbers[1] += size
    return kinds


def _compute_key(kind: str, wheel: WheelPackage, scheme: InstallScheme) -> str:
    return compute_key(
        kind, rules=VERSION, wheel=[wheel.filename, wheel.sha256],
        places=[scheme.purelib, scheme.platlib, scheme.scripts, scheme.data, scheme.include],
    )  # fmt: skip

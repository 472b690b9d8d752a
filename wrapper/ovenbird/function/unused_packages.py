"""Find the distributions that a function asks for and that its import has not used."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import Distribution, distributions
from typing import NamedTuple

from .wanted_packages import WantedPackages, normalize_name

_REQUIRED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MODULES = (".py", ".so", ".pyd")


class UnusedPackage(NamedTuple):
    """A distribution that was not imported.

    `size` is that of its files in bytes. `brings` names the others that nothing else needs: they go with it. `note`
    says why it may be needed all the same.
    """

    name: str
    version: str
    size: int
    is_direct: bool
    brings: tuple[str, ...]
    note: str


def find_unused_packages(wanted: WantedPackages, imported: Collection[str]) -> list[UnusedPackage]:
    """Return the distributions of `wanted` that are not among the imported ones: direct ones first, largest first.

    Without a lock, what is installed says what the direct ones need. What a direct one alone brings stands with that.
    """
    installed = {normalize_name(entry.metadata["Name"] or ""): entry for entry in _list_distributions()}
    needs = {name: _list_needs(entry, extras=wanted.is_locked) for name, entry in installed.items()}
    names = set(wanted.versions) | (set() if wanted.is_locked else _reach(wanted.direct, needs, installed))
    direct = set(wanted.direct) or names - {need for name in names for need in needs.get(name, ())}
    unused = names - set(imported)
    needed = _reach(direct - unused, needs, names)
    packages = []
    grouped: set[str] = set()
    for name in sorted(unused & direct):
        others = _reach(direct - {name}, needs, names)
        brings = tuple(sorted((_reach({name}, needs, names) & unused) - others - needed - {name}))
        grouped.update(brings)
        packages.append(_describe(name, wanted.versions, installed.get(name), is_direct=True, brings=brings))
    rest = sorted(unused - direct - grouped)
    packages += [_describe(name, wanted.versions, installed.get(name), is_direct=False, brings=()) for name in rest]
    sizes = {name: _measure(installed[name]) for name in grouped if name in installed}
    packages = [package._replace(size=package.size + sum(sizes.get(name, 0) for name in package.brings))
                for package in packages]  # fmt: skip
    return sorted(packages, key=lambda package: (not package.is_direct, -package.size, package.name))


def _list_distributions() -> Iterable[Distribution]:
    for entry in distributions():
        with contextlib.suppress(Exception):  # a damaged installation
            if entry.metadata["Name"]:
                yield entry


def _list_needs(entry: Distribution, *, extras: bool) -> set[str]:
    """Return the names that a distribution requires on any platform, with `extras` also those of its extras.

    A lock says which of them count; without one, the extras that nobody asks for would bring far too many.
    """
    lines = entry.requires or ()
    matches = (
        _REQUIRED.match(line) for line in lines if extras or "extra ==" not in line.replace("extra==", "extra ==")
    )
    return {normalize_name(match[0]) for match in matches if match}


def _reach(start: Iterable[str], needs: Mapping[str, Collection[str]], names: Collection[str]) -> set[str]:
    """Return which of `names` are needed by those of `start`, with these."""
    reached: set[str] = set()
    todo = [name for name in start if name in names]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += [need for need in needs.get(name, ()) if need in names]
    return reached


def _describe(
    name: str, versions: Mapping[str, str], entry: Distribution | None, *, is_direct: bool, brings: tuple[str, ...]
) -> UnusedPackage:
    if entry is None:
        return UnusedPackage(name, versions.get(name, ""), 0, is_direct, brings, "not installed here")
    return UnusedPackage(name, entry.version, _measure(entry), is_direct, brings, _explain(entry))


def _measure(entry: Distribution) -> int:
    """Return the bytes of a distribution's files, as its list of files has them."""
    return sum(file.size or 0 for file in entry.files or ())


def _explain(entry: Distribution) -> str:
    """Return why a distribution may be needed without being imported here; empty for no sign of that."""
    groups = {point.group for point in entry.entry_points}
    reasons = []
    if not any(str(file).endswith(_MODULES) for file in entry.files or ()):
        reasons.append("has no modules")
    if "console_scripts" in groups:
        reasons.append("has commands")
    if groups - {"console_scripts", "gui_scripts"}:
        reasons.append("is a plugin")
    return ", ".join(reasons)

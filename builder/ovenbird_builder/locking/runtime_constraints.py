"""What the runtime itself needs: ranges that the user's packages have to keep, as both share one environment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from ovenbird.common.text import show_value

from ..errors import ConflictError
from .lock_format import Pin
from .requirement_line import RequirementLine

RUNTIME = "the runtime"  # where its ranges stand
_EXTRAS = ("", "platform")


def list_runtime_constraints(environment: dict[str, str]) -> tuple[RequirementLine, ...]:
    """Return the ranges of the runtime and of what a job on the platform needs, as constraints for that environment."""
    constraints = set()
    for text in metadata.requires("ovenbird") or ():
        parsed = Requirement(text)
        marker = parsed.marker
        if marker is None or any(marker.evaluate(environment | {"extra": extra}) for extra in _EXTRAS):
            name = canonicalize_name(parsed.name)
            constraints.add(RequirementLine(f"{name}{parsed.specifier}", RUNTIME, name))
    return tuple(sorted(constraints, key=lambda limit: limit.text))


def check_requirements(requirements: Iterable[RequirementLine], limits: Iterable[RequirementLine]) -> None:
    """Refuse what names one version that a limit rules out. Both are lines that apply to the target.

    Errors: ConflictError, naming both.
    """
    ranges = _group_ranges(limits)
    for line in requirements:
        if line.origin:
            continue
        for part in Requirement(line.text).specifier:
            exact = part.operator in ("==", "===") and not part.version.endswith(".*")
            if exact and (limit := _find_broken(ranges, line.name, part.version)):
                raise ConflictError(
                    f"{show_value(line.text)} that you ask for in {line.where} is not within {_describe(limit)}",
                    hint="both share one environment: ask for a version within that range"
                    if limit.where == RUNTIME
                    else "change one of them",
                )


def check_pins(pins: Iterable[Pin], limits: Iterable[RequirementLine], name: str) -> None:
    """Refuse a lock with a pin that a limit rules out. Errors: ConflictError, naming both."""
    ranges = _group_ranges(limits)
    for pin in pins:
        if limit := _find_broken(ranges, pin.name, pin.version):
            raise ConflictError(
                f"{pin.name}=={pin.version} in {name} is not within {_describe(limit)}", hint="`ovenbird lock`"
            )


def _group_ranges(limits: Iterable[RequirementLine]) -> dict[str, list[tuple[RequirementLine, SpecifierSet]]]:
    """Return all ranges of each name: several lines may limit one."""
    ranges: dict[str, list[tuple[RequirementLine, SpecifierSet]]] = {}
    for limit in limits:
        if not limit.origin:
            ranges.setdefault(limit.name, []).append((limit, Requirement(limit.text).specifier))
    return ranges


def _find_broken(
    ranges: dict[str, list[tuple[RequirementLine, SpecifierSet]]], name: str, version: str
) -> RequirementLine | None:
    """Return the first limit that a version is not within; one that is no version (`===odd`) is within none."""
    for limit, versions in ranges.get(name, ()):
        with contextlib.suppress(InvalidVersion):
            if versions.contains(version, prereleases=True):
                continue
        return limit
    return None


def _describe(limit: RequirementLine) -> str:
    return f"the runtime's {limit.text}" if limit.where == RUNTIME else f"the constraint {limit.text} ({limit.where})"

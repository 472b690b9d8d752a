"""Report what the import of a function cost: time by distribution, and what was never imported."""

from __future__ import annotations

import logging
from typing import Any

from ..common.import_times import ImportTimer, ImportTimes, attribute_times, list_compiled
from ..common.imported_packages import list_imported_packages
from ..function.target import Target
from ..function.unused_packages import UnusedPackage, find_unused_packages
from ..function.wanted_packages import WantedPackages, find_wanted_packages, normalize_name


def make_import_report(target: Target, timer: ImportTimer, since: float) -> dict[str, Any]:
    """Return the report on the import of a function, as it is printed as JSON.

    `since` is the time at which the import began, in seconds since the epoch.
    """
    times = attribute_times(timer, target.root)
    compiled, missing = list_compiled(timer, since)
    report: dict[str, Any] = {
        "seconds": _round(times.seconds), "modules": times.modules, "function": _round(times.function),
        "standard_library": _round(times.standard_library), "compiled": compiled, "without_bytecode": missing,
        "distributions": _list_distributions(times),
    }  # fmt: skip
    packages = _read_wanted(target)
    report["wanted"] = packages.source or None
    report["never_imported"] = [_describe(package) for package in _find_unused(packages)] if packages.source else None
    return report


def _list_distributions(times: ImportTimes) -> list[dict[str, Any]]:
    return [
        {
            "name": entry.name,
            "version": entry.version,
            "seconds": _round(entry.seconds),
            "modules": entry.modules,
        }
        for entry in times.distributions
    ]


def _read_wanted(target: Target) -> WantedPackages:
    """Return what the function asks for; nothing, with a warning, for a lock that cannot be read."""
    try:
        return find_wanted_packages(target)
    except (OSError, ValueError) as error:
        logging.getLogger("ovenbird").warning("the lock beside the function cannot be read: %s", error)
        return WantedPackages("", {}, frozenset(), is_locked=False)


def _find_unused(packages: WantedPackages) -> list[UnusedPackage]:
    return find_unused_packages(packages, {"ovenbird", *map(normalize_name, list_imported_packages())})


def _describe(package: UnusedPackage) -> dict[str, Any]:
    return {
        "name": package.name, "version": package.version, "bytes": package.size, "direct": package.is_direct,
        "brings": list(package.brings), "note": package.note,
    }  # fmt: skip


def _round(seconds: float) -> float:
    return round(seconds, 4)

"""What the runtime itself needs: ranges that the user's packages have to keep, as both share one environment."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ovenbird.common.text import show_value

from ..errors import ConflictError
from .listed import Wanted
from .locktext import Pin

_EXTRAS = ("", "platform")


def needs(environment: dict[str, str]) -> tuple[Wanted, ...]:
    """The ranges of the runtime and of what a job on the platform needs, as constraints for that environment."""
    found = {}
    for text in metadata.requires("ovenbird") or ():
        parsed = Requirement(text)
        marker = parsed.marker
        if marker is None or any(marker.evaluate(environment | {"extra": extra}) for extra in _EXTRAS):
            name = canonicalize_name(parsed.name)
            found[name] = Wanted(f"{name}{parsed.specifier}", "the runtime", name)
    return tuple(found[name] for name in sorted(found))


def check_wanted(wanted: Iterable[Wanted], limits: Iterable[Wanted]) -> None:
    """Refuse what names one version that the runtime cannot use. Errors: ConflictError, naming both."""
    ranges = {limit.name: Requirement(limit.text).specifier for limit in limits}
    for one in wanted:
        if one.origin or one.name not in ranges:
            continue
        for part in Requirement(one.text).specifier:
            exact = part.operator in ("==", "===") and not part.version.endswith(".*")
            if exact and not ranges[one.name].contains(part.version, prereleases=True):
                raise ConflictError(
                    f"{show_value(one.text)} that you ask for in {one.where} is not within the runtime's "
                    f"{one.name}{ranges[one.name]}",
                    hint="both share one environment: ask for a version within that range",
                )


def check_pins(pins: Iterable[Pin], limits: Iterable[Wanted], name: str) -> None:
    """Refuse a lock whose pins the runtime cannot use. Errors: ConflictError."""
    ranges = {limit.name: Requirement(limit.text).specifier for limit in limits}
    for pin in pins:
        if pin.name in ranges and not ranges[pin.name].contains(pin.version, prereleases=True):
            raise ConflictError(
                f"{pin.name}=={pin.version} in {name} is not within the runtime's {pin.name}{ranges[pin.name]}",
                hint="ovenbird lock",
            )

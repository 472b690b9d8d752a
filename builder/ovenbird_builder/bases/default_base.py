"""The base of a build that names none: the one of the table where it was made here, else its upstream."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ovenbird.errors import OvenbirdError

from ..errors import BaseMissingError, RegistryAuthError, RegistryError
from .catalog import BaseEntry

T = TypeVar("T")


def find_default_base(base: BaseEntry, look: Callable[[str], T], tell: Callable[[str], None]) -> T:
    """Return what `look` returns for the image of a base, or for its upstream (`python:X.Y-slim`) where that is not.

    `tell` then gets a note. Errors: those of `look` for the upstream, which say what to do where it cannot be had.
    """
    try:
        return look(base.image)
    except BaseMissingError:
        pass
    try:
        upstream = look(base.reference)
    except (BaseMissingError, RegistryAuthError, RegistryError) as error:
        raise _no_base_error(base, error) from None
    tell(
        f"note: the base is {base.reference}, and the runtime goes on top of it; once `ovenbird base build"
        f" {base.version}` has made {base.image}, builds on this machine need not do that"
    )
    return upstream


def _no_base_error(base: BaseEntry, error: OvenbirdError) -> OvenbirdError:
    reason = error.message.removeprefix(f"there is no base '{base.reference}': ")
    return type(error)(
        f"there is no base {base.image} on this machine, and its upstream {base.reference} is not available: {reason}",
        hint=f"`--registry HOST` (or `OVENBIRD_REGISTRY`) names a mirror of {base.upstream.partition('/')[0]}, `--base`"
        f" an image of your own; `ovenbird base build {base.version}` makes {base.image} where the upstream can be had",
    )

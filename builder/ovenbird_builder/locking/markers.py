"""Whether a requirement counts for a target: its marker, asked in the target's environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName

from ovenbird.common.text import cut_text, escape_controls, show_value

from ..errors import LockError

_UNREADABLE = (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, KeyError, ValueError, RecursionError)


def is_marker_true(
    marker: str, environment: Mapping[str, Any], where: str, context: Literal["metadata", "lock_file"] = "metadata"
) -> bool:
    """Return whether a marker (`python_version < "3.12"`; an empty one always) is true in `environment`.

    Errors: LockError that says where it stands, for one that cannot be read or compares what cannot be compared.
    """
    if not marker:
        return True
    try:
        return Marker(marker).evaluate(dict(environment), context=context)
    except _UNREADABLE as error:
        why = cut_text(str(error).partition("\n")[0], 200)
        raise LockError(f"{where}: the marker {show_value(marker)} cannot be read: {escape_controls(why)}") from None

"""Malformed input ends with an `OvenbirdError`, a status of its phase, and a printable message."""

from __future__ import annotations

from collections.abc import Callable

from ovenbird.errors import OvenbirdError

LONGEST = 8000  # characters: a document has many fields, and each may be told


def succeeds(call: Callable[[], object], label: str, *codes: int) -> bool:
    """Return whether a call succeeds; otherwise it must raise an `OvenbirdError` with one of the statuses."""
    try:
        call()
    except OvenbirdError as error:
        _check(error, label, codes)
        return False
    except BaseException as error:
        raise AssertionError(f"{label}: {error!r:.300}") from error
    return True


def _check(error: OvenbirdError, label: str, codes: tuple[int, ...]) -> None:
    assert error.exit_code in codes, f"{label}: status {error.exit_code}: {error}"
    assert len(str(error)) < LONGEST, label
    assert all(line.isprintable() for line in str(error).split("\n")), label

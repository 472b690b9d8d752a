"""Durations as people write them."""

from __future__ import annotations

from ovenbird.common.text import show_value
from ovenbird.common.units import parse_duration

from .errors import SpecError


def seconds(text: str) -> float:
    """Seconds from `1.5`, `500ms`, `2m` or `1h`; 0 means no limit. Errors: SpecError."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise SpecError(f"expected {error}, found {show_value(text)}") from None

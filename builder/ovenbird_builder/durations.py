"""Durations as people write them."""

from __future__ import annotations

import re

from .errors import SpecError

_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Seconds from `1.5`, `500ms`, `2m` or `1h`; 0 means no limit. Errors: SpecError."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d*)?|\.\d+)\s*(ms|s|m|h|)", text.strip())
    if not found:
        raise SpecError(f"expected a duration like 90, 500ms, 2m or 1h, found {text!r}")
    return float(found[1]) * _UNITS[found[2]]

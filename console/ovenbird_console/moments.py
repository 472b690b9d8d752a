"""Times and sizes as people read them."""

from __future__ import annotations

import time
from datetime import datetime

_UNITS = ((86400 * 365, "y"), (86400 * 30, "mo"), (86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def parse_moment(text: object) -> float | None:
    """Return the seconds since the epoch of a time in ISO 8601; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def format_moment(text: object) -> str:
    """Return a time in ISO 8601 as local time, such as `29 Nov 2026, 07:31:47`; empty for none."""
    seconds = parse_moment(text)
    return "" if seconds is None else time.strftime("%d %b %Y, %H:%M:%S", time.localtime(seconds)).lstrip("0")


def format_age(text: object, now: float | None = None) -> str:
    """Return how long ago a time in ISO 8601 was, such as `3 min ago`; empty for none."""
    seconds = parse_moment(text)
    if seconds is None:
        return ""
    passed = (time.time() if now is None else now) - seconds
    size, unit = next(((size, unit) for size, unit in _UNITS if passed >= size), (1, ""))
    return f"{int(passed // size)} {unit} ago" if unit else "just now"


def format_duration(start: object, end: object, now: float | None = None) -> str:
    """Return the time between two moments in ISO 8601, to now without an end; empty without a start."""
    first, last = parse_moment(start), parse_moment(end)
    if first is None:
        return ""
    seconds = max(0.0, (last if last is not None else time.time() if now is None else now) - first)
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"

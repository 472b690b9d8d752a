"""Times that depend on `SOURCE_DATE_EPOCH` and not on the clock or the zone of the machine."""

from __future__ import annotations

from datetime import datetime, timezone


def format_epoch(seconds: float) -> str:
    """Return whole seconds since 1970 in the form of RFC 3339, in UTC: `2024-01-02T03:04:05Z`."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

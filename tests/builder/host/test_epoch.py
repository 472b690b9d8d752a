from __future__ import annotations

import time

import pytest

from ovenbird_builder.host.epoch import format_epoch


def test_times_do_not_depend_on_the_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds since 1970 are shown in UTC whatever the zone of the machine is, fractions cut off."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert format_epoch(0) == "1970-01-01T00:00:00Z"
        assert format_epoch(1704164645.9) == "2024-01-02T03:04:05Z"
    finally:
        monkeypatch.undo()
        time.tzset()

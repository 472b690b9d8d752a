"""Schedules are checked before a cluster sees them."""

from __future__ import annotations

import pytest

from ovenbird_builder.manifests.cron import problem


@pytest.mark.parametrize(
    "text",
    ["* * * * *", "0 3 * * 1-5", "*/15 0,12 1-7/2 JAN-mar sun", "@daily", "@hourly", "0 0 31 12 6", "0 0 ? * *",
    "0  3 * * *", "5/10 * * * *"],
)  # fmt: skip
def test_schedules_that_a_cronjob_takes(text: str) -> None:
    """Five fields with lists, ranges, steps and names, or a word."""
    assert problem(text) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "five fields"), ("* * * *", "five fields"), ("0 0 * * * *", "five fields"), ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"), ("* * 0 * *", "day of the month"), ("* * * 13 *", "month"), ("* * * * 7",
        "day of the week"),
        ("5-1 * * * *", "minute"), ("*/0 * * * *", "minute"), ("a * * * *", "minute"), ("* * * * mon-",
        "day of the week"),
        ("1,,2 * * * *", "minute"), ("@fortnightly", "@yearly"), ("@reboot", "@yearly"),
        ("TZ=Europe/Rome 0 3 * * *", "--time-zone"), ("-1 * * * *", "minute"), ("٣ * * * *", "minute"),
    ],
)  # fmt: skip
def test_schedules_that_it_does_not(text: str, expected: str) -> None:
    """The field that is wrong is named."""
    assert expected in problem(text)

"""Schedules are checked before a cluster sees them."""

from __future__ import annotations

import pytest

from ovenbird_builder.kubernetes.cron import find_problem, find_time_zone_problem


@pytest.mark.parametrize(
    "text",
    ["* * * * *", "0 3 * * 1-5", "*/15 0,12 1-7/2 JAN-mar sun", "@daily", "@hourly", "0 0 31 12 6", "0 0 ? * *",
    "0  3 * * *", "5/10 * * * *"],
)  # fmt: skip
def test_valid_schedules_of_a_cronjob(text: str) -> None:
    """Five fields with lists, ranges, steps and names, or a word."""
    assert find_problem(text) == ""


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
    problem = find_problem(text)
    assert expected in problem
    assert "found" not in problem, "the caller says what was found"


@pytest.mark.parametrize("name", ["UTC", "Europe/Rome", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT"])
def test_known_time_zones(name: str) -> None:
    """Names of the IANA database, those with digits and signs among them."""
    assert find_time_zone_problem(name) == ""


@pytest.mark.parametrize(
    "name", ["Local", "local", "CET ", "/UTC", "posix/UTC", "Europe/", "GMT+25:00", "", "Mars/Olympus", "../x"]
)
def test_unknown_time_zones_are_refused(name: str) -> None:
    """A cluster refuses them, or never starts the job."""
    assert "expected a name of the IANA database" in find_time_zone_problem(name)


@pytest.mark.parametrize("name", ["Europe/Roma", "europe/rome"])
def test_a_similar_time_zone_is_suggested(name: str) -> None:
    """Its name counts letter by letter in a cluster, whatever a Mac's file system thinks."""
    assert "(did you mean Europe/Rome?)" in find_time_zone_problem(name)

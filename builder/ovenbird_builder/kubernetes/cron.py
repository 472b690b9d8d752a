"""Schedules as a CronJob takes them."""

from __future__ import annotations

import re
import zoneinfo

from ovenbird.common.did_you_mean import nearest_name
from ovenbird.common.text import show_value

_MACROS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_MONTHS = dict(zip("jan feb mar apr may jun jul aug sep oct nov dec".split(), range(1, 13), strict=True))
_DAYS = dict(zip("sun mon tue wed thu fri sat".split(), range(7), strict=True))
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)


def find_problem(text: str) -> str:
    """Return the problem of a schedule of five fields or `@daily`; empty when it is valid."""
    if text in _MACROS:
        return ""
    words = text.split()
    if text.startswith("@"):
        return "expected one of " + ", ".join(_MACROS)
    if "TZ=" in text:
        return "a time zone does not stand in the schedule: give it as `--time-zone`"
    if len(words) != len(_FIELDS):
        return "expected five fields (minute, hour, day, month, day of the week) such as '0 3 * * 1-5', or @daily"
    for word, (name, low, high, names) in zip(words, _FIELDS, strict=True):
        for part in word.split(","):
            if not _is_valid_part(part, low, high, names):
                return f"{name} {show_value(part)}: expected *, a number from {low} to {high}, a range or a step"
    return ""


def find_time_zone_problem(text: str) -> str:
    """Return the problem of a time zone's name; empty when it is valid.

    Where this machine has no data of time zones only the form is looked at.
    """
    expected = "expected a name of the IANA database such as Europe/Rome"
    if not _ZONE.fullmatch(text) or text.lower() == "local":
        return expected
    zones = zoneinfo.available_timezones()
    if not zones or text in zones:
        return ""
    suggestion = nearest_name(text, sorted(zones))
    return f"{expected} (did you mean {suggestion}?)" if suggestion else expected


def _is_valid_part(part: str, low: int, high: int, names: dict[str, int]) -> bool:
    match = re.fullmatch(r"(\*|\?|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]{1,2}))?", part)
    if not match or (match["step"] and not int(match["step"])):
        return False
    if not match["first"]:
        return True
    first = _parse_number(match["first"], names)
    last = _parse_number(match["last"], names) if match["last"] else first
    return first is not None and last is not None and low <= first <= last <= high


def _parse_number(word: str, names: dict[str, int]) -> int | None:
    return int(word) if re.fullmatch(r"\d{1,2}", word, re.ASCII) else names.get(word.lower())

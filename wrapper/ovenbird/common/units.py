"""Sizes, durations and whole numbers as people write them: one parser for flags, variables and documents.

A parser raises ValueError whose text says what is expected; the caller adds what was given and where. Digits are those
of ASCII: `int` and `\\d` take others too, and a number that looks like another one is misleading.
"""

from __future__ import annotations

import math
import re

_NUMBER = r"([0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})"
# as text: a process reads few of these, and `re` keeps what it has compiled
_DURATION = _NUMBER + r"\s*(ns|us|µs|ms|s|m|h|)"
_AGE = _NUMBER + r"\s*(s|m|h|d|w|)"
_PART = _NUMBER + r"(ns|us|µs|ms|s|m|h)"
_SIZE = _NUMBER + r"\s*([kmgt]i?|)b?"
_WHOLE = r"[0-9]{1,18}"
_SECONDS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0,
    "w": 604800.0,
}  # fmt: skip
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_MOST_SECONDS = 10.0 * 365 * 86400  # what a clock, a thread's wait or a poll can be asked to wait for
_MOST_BYTES = 2**63 - 1  # what the system's calls can be asked for
DURATION = "a duration such as 1.5, 500ms, 30s or 2m"
SIZE = "a size such as 1048576, 500kB or 4MiB"


def parse_duration(text: str) -> float:
    """Return seconds from `1.5`, `500ms`, `2m` or `1h`; days are too long for a wait. Errors: ValueError."""
    match = re.fullmatch(_DURATION, text.strip().lower())
    if not match:
        raise ValueError(DURATION)
    return _check_limit(float(match[1]) * _SECONDS[match[2]])


def parse_age(text: str) -> float:
    """Return seconds from `12h`, `30d` or `4w`: how long ago something was used. Errors: ValueError."""
    match = re.fullmatch(_AGE, text.strip().lower())
    if not match:
        raise ValueError("an age such as 12h, 30d or 4w")
    return _check_limit(float(match[1]) * _SECONDS[match[2]])


def parse_compound_duration(text: str) -> float:
    """Return seconds from `30s`, `1m30s` or `500ms`, each part with its unit. Errors: ValueError."""
    text = text.strip()
    if not text or len(text) > 200 or re.sub(_PART, "", text):
        raise ValueError("a duration such as '30s' or '1m30s'")
    return _check_limit(math.fsum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, text)))


def parse_size(text: str, *, kilo: int = 1000, units: str = "kmg") -> int:
    """Return bytes from `1048576`, `500kB` (of `kilo`) or `4MiB` (of 1024). Errors: ValueError."""
    match = re.fullmatch(_SIZE, text.strip().lower())
    if not match or match[2][:1] not in units:
        raise ValueError(SIZE)
    number, unit = match[1], (1024 if match[2].endswith("i") else kilo) ** _POWERS[match[2][:1]]
    count = int(number) * unit if number.isdigit() else int(float(number) * unit)
    if count > _MOST_BYTES:
        raise ValueError(f"a size of at most {_MOST_BYTES} bytes")
    return count


def parse_whole(text: str, low: int = 0, high: int | None = None) -> int:
    """Return a whole number from `low` to `high`, of at most 18 digits. Errors: ValueError."""
    if not re.fullmatch(_WHOLE, text.strip()) or not low <= int(text) <= (10**18 if high is None else high):
        raise ValueError(f"a whole number from {low}" + ("" if high is None else f" to {high}"))
    return int(text)


def read_whole(text: str, default: int) -> int:
    """Return the whole number in a text that a server, a label or a file's name holds, or `default` for any other.

    `str.isdigit` followed by `int` raises for `²` and for thousands of digits.
    """
    return int(text) if re.fullmatch(_WHOLE, text.strip()) else default


def show_size(count: int) -> str:
    """Return a number of bytes for people: `1.5 MiB`."""
    for unit, name in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"


def _check_limit(seconds: float) -> float:
    if seconds > _MOST_SECONDS:
        raise ValueError("a duration of at most 10 years")
    return seconds

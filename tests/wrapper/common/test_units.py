"""Sizes, durations and whole numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ovenbird.common.units import (
    parse_age,
    parse_compound_duration,
    parse_duration,
    parse_size,
    parse_whole,
    read_whole,
    show_size,
)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_duration, "1.5", 1.5), (parse_duration, " 500 MS ", 0.5), (parse_duration, ".5h", 1800.0),
        (parse_age, "30d", 2592000.0), (parse_age, "4w", 2419200.0), (parse_age, "90", 90.0),
        (parse_compound_duration, "1m30s", 90.0), (parse_compound_duration, "1h0.5s", 3600.5),
        (parse_size, "1048576", 1048576), (parse_size, "500kB", 500_000), (parse_size, "1.5 MiB", 1572864),
        (parse_size, "9007199254740993", 9007199254740993), (parse_whole, "007", 7),
    ],
)  # fmt: skip
def test_what_people_write_is_read(parse: Callable[[str], float], text: str, value: float) -> None:
    """Numbers with a unit or without, in any case; whole numbers exactly."""
    assert parse(text) == value


def test_a_kilobyte_may_be_1024() -> None:
    """The flags of the cache read `K` as 1024; `KiB` is 1024 everywhere."""
    assert (parse_size("1k", kilo=1024), parse_size("1kib", kilo=1024)) == (1024, 1024)
    assert parse_size("1T", kilo=1024, units="kmgt") == 1024**4


@pytest.mark.parametrize("parse", [parse_duration, parse_age, parse_compound_duration, parse_size, parse_whole])
@pytest.mark.parametrize(
    "text",
    ["", " ", "x", "-1", "1 2", "1e3", "nan", "inf", "0x10", "1_000", "9" * 300,
     "9" * 5000, "0." + "9" * 400, "٣", "\uff13s",
     "²", "1\x00", "\u0661k", "9" * 18 + "h", "+1", "1,5"],
)  # fmt: skip
def test_anything_else_is_refused(parse: Callable[[str], float], text: str) -> None:
    """Digits of other scripts, hundreds of digits, signs, exponents: ValueError says what is expected."""
    with pytest.raises(ValueError, match=r"^an? "):
        parse(text)


@pytest.mark.parametrize(
    ("text", "number"), [("3", 3), ("²", -1), ("٣", -1), ("9" * 5000, -1), ("", -1), ("-2", -1), ("3x", -1)]
)
def test_a_number_of_others_is_read_or_replaced(text: str, number: int) -> None:
    """Nothing that a server or a label says raises."""
    assert read_whole(text, -1) == number


def test_sizes_are_shown() -> None:
    """A size is printed in the unit that leaves one to four digits."""
    assert [show_size(size) for size in (512, 1536, 3 * 1024**2, 5 * 1024**3)] == [
        "512 bytes", "1.5 KiB", "3.0 MiB", "5.0 GiB",
    ]  # fmt: skip

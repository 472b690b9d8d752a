"""Values of settings: what parses, and what is expected where it does not."""

from __future__ import annotations

import pytest

from ovenbird.common import setting_values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.5", 1.5), (".5s", 0.5), ("500ms", 0.5), ("30S", 30), (" 2m ", 120), ("1h", 3600), ("0", 0)],
)
def test_durations_carry_units(text: str, seconds: float) -> None:
    """Seconds without a unit; ms, s, m, h."""
    assert setting_values.duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10", 10),
        ("1k", 1000),
        ("500kB", 500_000),
        ("4MiB", 4 * 1024**2),
        ("1.5 KiB", 1536),
        ("2G", 2 * 1000**3),
        ("7b", 7),
    ],
)
def test_sizes_carry_units(text: str, size: int) -> None:
    """Bytes without a unit; thousands for kB, 1024 for KiB."""
    assert setting_values.size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1e3", "9" * 400, "1 TiB", "nan"])
def test_other_sizes_are_refused(text: str) -> None:
    """A size that no float can hold is refused too."""
    with pytest.raises(ValueError, match="a size such as"):
        setting_values.size(text)


@pytest.mark.parametrize("text", ["", "ms", "-1", "9" * 400, "1 2", "1d"])
def test_other_durations_are_refused(text: str) -> None:
    """An infinite duration is refused too."""
    with pytest.raises(ValueError, match="a duration such as"):
        setting_values.duration(text)


def test_workers_may_be_automatic() -> None:
    """`auto` is 0, to be replaced by the number of CPUs."""
    assert (setting_values.workers("auto"), setting_values.workers("AUTO "), setting_values.workers("2")) == (0, 0, 2)


def test_an_input_has_a_value() -> None:
    """An empty one, as of a shell variable that is not set, would be the current folder."""
    assert setting_values.named_input("x=a=b.csv") == {"x": "a=b.csv"}
    with pytest.raises(ValueError, match="the value of 'x' is empty"):
        setting_values.named_input("x=")

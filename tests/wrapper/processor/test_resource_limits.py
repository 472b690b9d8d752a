"""Limits of a processor's document as settings."""

from __future__ import annotations

from typing import Any

import pytest

from ovenbird.processor.resource_limits import (
    parse_amount,
    parse_duration,
    parse_limits,
    parse_milliseconds,
    parse_workers,
)


def parse(
    trigger: dict[str, Any], attributes: dict[str, Any] | None = None, **spec: Any
) -> tuple[dict[str, Any], list[str]]:
    problems: list[str] = []
    return parse_limits(spec, trigger, attributes or {}, "t.", problems), problems


def test_each_limit_has_its_setting() -> None:
    """The newer of two names for one limit wins."""
    settings, problems = parse(
        {"maxWorkers": 2, "numWorkers": 4, "workerAvailabilityTimeoutMilliseconds": 2500},
        {"maxRequestBodySize": "4MiB", "readBufferSize": 16384},
        eventTimeout="1m30s",
    )
    assert problems == []
    assert settings == {
        "timeout": 90.0, "concurrency": 4, "max_body": 4 * 1024**2, "max_header": 16384, "queue_timeout": 2.5,
    }  # fmt: skip


def test_nothing_and_null_and_zero_are_no_limits() -> None:
    """The defaults hold; only a wait of zero means something: nobody waits."""
    assert parse({}) == ({}, [])
    zeros = {"maxWorkers": 0, "workerAvailabilityTimeoutMilliseconds": None}
    assert parse(zeros, {"maxRequestBodySize": 0}, eventTimeout="0s") == ({}, [])
    assert parse({"workerAvailabilityTimeoutMilliseconds": 0}) == ({"queue": 0}, [])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30.0), ("1h2m3.5s", 3723.5), ("250ms", 0.25), ("10us", 1e-5), (" 1m ", 60.0), (".5s", 0.5)],
)
def test_durations(text: str, seconds: float) -> None:
    """Durations are read in the platform's notation."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["", "30", "s", "1d", "1s2", "-1s", 30, None, "1.2.3s"])
def test_no_duration(value: Any) -> None:
    """A bare number has no unit, and none is guessed."""
    with pytest.raises(ValueError, match="a duration such as '30s'"):
        parse_duration(value)


@pytest.mark.parametrize("convert", [parse_workers, parse_milliseconds, parse_amount])
@pytest.mark.parametrize("value", [True, -1, 1.5, [], "x"])
def test_no_number(convert: Any, value: Any) -> None:
    """Truth values, fractions and text are no numbers."""
    with pytest.raises(ValueError, match=r"a (whole )?number|a size"):
        convert(value)

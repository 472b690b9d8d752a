"""The limits in a processor's document, as settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..common.text import show_value
from ..common.units import parse_compound_duration, parse_size

_MOST_WORKERS = 100_000

LIMITS = ("maxRequestBodySize", "readBufferSize")  # attributes of an http trigger


def parse_limits(
    spec: dict[str, Any], trigger: dict[str, Any], attributes: dict[str, Any], where: str, problems: list[str]
) -> dict[str, Any]:
    """Return settings from the fields that are present. A value of 0 or null keeps the default.

    `workerAvailabilityTimeoutMilliseconds: 0` is a limit: nothing waits.
    """
    settings: dict[str, Any] = {}

    def take(setting: str, mapping: dict[str, Any], key: str, prefix: str, convert: Callable[[Any], Any]) -> None:
        if mapping.get(key) is None:
            return
        try:
            value = convert(mapping[key])
        except ValueError as error:
            problems.append(f"{prefix}{key}: expected {error}, found {show_value(mapping[key])}")
            return
        if value:
            settings[setting] = value

    take("timeout", spec, "eventTimeout", "spec.", parse_duration)
    take("concurrency", trigger, "maxWorkers", where, parse_workers)
    take("concurrency", trigger, "numWorkers", where, parse_workers)  # the newer name takes precedence
    for key, setting in zip(LIMITS, ("max_body", "max_header"), strict=True):
        take(setting, attributes, key, where + "attributes.", parse_amount)
    patience = trigger.get("workerAvailabilityTimeoutMilliseconds")
    if patience == 0 and not isinstance(patience, bool):
        settings["queue"] = 0
    take("queue_timeout", trigger, "workerAvailabilityTimeoutMilliseconds", where, parse_milliseconds)
    return settings


def parse_duration(value: Any) -> float:
    """Return the seconds of `30s`, `1m30s` or `500ms`. Errors: ValueError that says what is expected."""
    return parse_compound_duration(value if isinstance(value, str) else "")


def parse_workers(value: Any) -> int:
    """Return a number of workers. Errors: ValueError."""
    if not _is_whole(value) or value > _MOST_WORKERS:
        raise ValueError(f"a whole number up to {_MOST_WORKERS}")
    return int(value)


def parse_milliseconds(value: Any) -> float:
    """Return the seconds of a number of milliseconds. Errors: ValueError."""
    if not _is_whole(value):
        raise ValueError("a whole number of milliseconds")
    return float(value) / 1000


def parse_amount(value: Any) -> int:
    """Return the bytes of a number, or of a text such as `4MiB`. Errors: ValueError."""
    if _is_whole(value):
        return int(value)
    if not isinstance(value, str):
        raise ValueError("a number of bytes")
    return parse_size(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63

"""Limits of the size of a source, for a run and a build: a bomb or a home directory must not fill the disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import OvenbirdError, SettingsError
from .text import show_value
from .units import parse_size, parse_whole

SIZE, FILES = "OVENBIRD_SOURCE_LIMIT", "OVENBIRD_SOURCE_FILES"


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """Bytes and number of files that a source may have."""

    size: int = 1024**3
    files: int = 100_000


def read_limits(environ: Mapping[str, str], error: type[OvenbirdError] = SettingsError) -> SourceLimits:
    """Return the limits of the environment: `OVENBIRD_SOURCE_LIMIT` (1GiB) and `OVENBIRD_SOURCE_FILES` (100000).

    Errors: `error` for a value that does not parse.
    """
    return SourceLimits(
        _parse(SIZE, environ.get(SIZE) or "1GiB", parse_size, error),
        _parse(FILES, environ.get(FILES) or "100000", lambda text: parse_whole(text, 1), error),
    )


def _parse(name: str, text: str, parse: Callable[[str], int], error: type[OvenbirdError]) -> int:
    try:
        return parse(text)
    except ValueError as problem:
        raise error(f"{name}: expected {problem}, found {show_value(text)}") from None

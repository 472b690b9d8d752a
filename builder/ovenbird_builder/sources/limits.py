"""How large a source may be, so that a bomb or a home directory does not fill the disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from ovenbird.common.text import show_value
from ovenbird.common.units import parse_size, parse_whole, show_size

from ..errors import SpecError

RATIO = 200  # how much an archive may grow; text and code reach 20
RATIO_FROM = 32 * 1024 * 1024  # bytes below which no ratio is looked at


class Limits(Struct, frozen=True):
    """Bytes and number of files that a source may have."""

    size: int = 1024**3
    files: int = 100_000


def limits(environ: Mapping[str, str]) -> Limits:
    """The limits of the environment: `OVENBIRD_SOURCE_LIMIT` (1GiB) and `OVENBIRD_SOURCE_FILES` (100000).

    Errors: SpecError for a value that does not parse.
    """
    size = environ.get("OVENBIRD_SOURCE_LIMIT") or "1GiB"
    files = environ.get("OVENBIRD_SOURCE_FILES") or "100000"
    return Limits(
        _parsed("OVENBIRD_SOURCE_LIMIT", size, parse_size),
        _parsed("OVENBIRD_SOURCE_FILES", files, lambda text: parse_whole(text, 1)),
    )


def _parsed(name: str, text: str, parse: Callable[[str], int]) -> int:
    try:
        return parse(text)
    except ValueError as error:
        raise SpecError(f"{name}: expected {error}, found {show_value(text)}") from None


told = show_size  # a number of bytes for people

"""A fuzzed parser, and the invariants for any input."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from ovenbird.errors import OvenbirdError

LONGEST_MESSAGE = 16 * 1024  # characters of an error; inputs are a few KiB, so more than this was multiplied
SLOWEST = 10.0  # seconds for one input; a hundred times what the slowest parser takes on a loaded machine
ROOM = 1024**3  # bytes of address space that parsing may take beyond what the process has


class Parser(Struct, frozen=True):
    """A parser under a name, which is also its folder in `corpus/`.

    `parse` gets the input and an empty folder to work in. It returns for a value and raises `OvenbirdError` for an
    input that is refused; all else is a finding. `tokens` are texts that the format gives a meaning to.
    """

    name: str
    parse: Callable[[bytes, Path], object]
    tokens: tuple[bytes, ...] = ()


def examine(parser: Parser, data: bytes, folder: Path) -> None:
    """Parse one input. Raise for a foreign error, an endless message, or a slow parser."""
    start = time.perf_counter()
    try:
        parser.parse(data, folder)
    except OvenbirdError as error:
        message = str(error)
    else:
        message = ""
    assert len(message) <= LONGEST_MESSAGE, f"an error of {len(message)} characters: {message[:200]}"
    seconds = time.perf_counter() - start
    assert seconds < SLOWEST, f"{len(data)} bytes took {seconds:.1f} s"


@contextmanager
def limit_memory(room: int = ROOM) -> Iterator[None]:
    """Limit the address space while the context lasts: who takes more gets a MemoryError, which is a finding."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

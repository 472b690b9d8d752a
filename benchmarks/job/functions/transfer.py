"""A file as output, and as input."""

from pathlib import Path

from ovenbird import handler


@handler(outputs=["large"])
def store(path: str) -> Path:
    """Return a file, which is stored."""
    return Path(path)


def fetch(large: Path) -> int:
    """Take a file that is stored; what is got is a copy."""
    return large.stat().st_size

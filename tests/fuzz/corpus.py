"""The corpus: `corpus/<parser>/` holds seeds, inputs that reached new code, and inputs that once failed."""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
LARGEST = 64 * 1024  # bytes of an input that is kept
FAILED = "failed-"


def read_seeds(name: str) -> list[bytes]:
    """Return every input of a parser, those that once failed first."""
    paths = sorted((FOLDER / name).iterdir(), key=lambda path: (not path.name.startswith(FAILED), path.name))
    return [path.read_bytes() for path in paths]


def save_failed(name: str, data: bytes) -> Path:
    """Keep an input that failed, so that each later run begins with it; its path."""
    path = FOLDER / name / f"{FAILED}{hashlib.sha256(data).hexdigest()[:12]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path

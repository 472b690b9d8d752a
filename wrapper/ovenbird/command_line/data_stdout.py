"""Keep stdout for what a verb prints: the output of the user's code goes to stderr meanwhile."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def reserve_stdout() -> Iterator[None]:
    """Send what the user's code, or a process that it starts, prints meanwhile to stderr."""
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)

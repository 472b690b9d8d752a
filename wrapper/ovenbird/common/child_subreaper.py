"""Have the kernel make this process the parent of its descendants whose own parents have ended. Linux only."""

from __future__ import annotations

import os

_SET_CHILD_SUBREAPER = 36  # of linux/prctl.h


def become_child_subreaper() -> bool:
    """Adopt orphans from now on, as process 1 does by itself; return whether that is so."""
    if os.getpid() == 1:
        return True
    import ctypes  # costs milliseconds, and most processes need no orphans

    try:
        return int(ctypes.CDLL(None, use_errno=True).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) == 0
    except (OSError, AttributeError):
        return False

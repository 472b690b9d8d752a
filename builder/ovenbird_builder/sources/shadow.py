"""Refuse a tree that would break the runtime when it is first on sys.path."""

from __future__ import annotations

from pathlib import Path

from ovenbird.common.text import show_value
from ovenbird.shadows import shadows

from ..errors import ShadowedSourceError


def refuse(root: Path) -> None:
    """Refuse a root that holds a file which hides a module of Python or of the runtime. Errors: ShadowedSourceError."""
    for entry, name, whose in shadows(root):
        raise ShadowedSourceError(
            f"{show_value(entry.name)} in the source would hide the module {show_value(name)} of {whose}",
            hint=f"rename it, for example to my_{name}{entry.suffix}",
        )

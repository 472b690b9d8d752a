"""Refuse a tree that would break the runtime when it is first on sys.path."""

from __future__ import annotations

from pathlib import Path

from ovenbird.common.module_shadowing import find_shadows
from ovenbird.common.text import show_value

from ..errors import ModuleShadowedError


def refuse_shadowing(root: Path, standard: frozenset[str]) -> None:
    """Refuse a root that holds a file which hides a module of Python or of the runtime.

    `standard` are the modules of the target's standard library, which is not the builder's.
    Errors: ModuleShadowedError.
    """
    for entry, name, whose in find_shadows(root, standard):
        raise ModuleShadowedError(
            f"{show_value(entry.name)} in the source would hide the module {show_value(name)} of {whose}",
            hint=f"rename it, for example to `my_{name}{entry.suffix}`",
        )

"""`Function.lock`: the dependencies of a function, pinned beside its source by the builder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SettingsError
from .actions import open_action
from .card_display import CardDisplay
from .image import name_build_target
from .sources import FunctionSource, GitSource

if TYPE_CHECKING:
    from ..display.card import Card


@dataclass(frozen=True)
class FunctionLock(CardDisplay):
    """A lock that was written. `packages` are the versions by name; `python` and `platform` are what it is for.

    `changes` has a line for each package that is not as before: `+ NAME VERSION`, `- NAME VERSION`,
    `~ NAME BEFORE -> AFTER`. `digest` is that of all pins.
    """

    path: Path
    packages: Mapping[str, str]
    changes: tuple[str, ...]
    digest: str
    python: str
    platform: str

    def __repr__(self) -> str:
        return f"<FunctionLock of {len(self.packages)} packages, {self.path}>"

    def _make_card(self) -> Card:
        from ..display.card import Card, Grid, Text

        facts = {"packages": len(self.packages), "Python": self.python, "platform": self.platform}
        parts = (
            Text("Changes", "\n".join(self.changes), is_open=True),
            Grid("Packages", ("name", "version"), list(self.packages.items())),
        )
        return Card("Lock", str(self.path), "changed" if self.changes else "unchanged", facts, parts)


def lock_function(source: FunctionSource, options: Mapping[str, Any], environ: Mapping[str, str]) -> FunctionLock:
    """Lock the dependencies of a function. `options` are those of `ovenbird lock` by name. Errors: OvenbirdError."""
    if isinstance(source, GitSource):
        raise SettingsError(
            "a function of a git repository is not locked from here: its checkout is removed again",
            hint="`ovenbird lock` in a clone, or a function document with this source: the lock lies beside it",
        )
    text, folder = name_build_target(source, source.locate(environ))
    values = {"source": folder, **options}
    with open_action("lock") as lock:
        document = lock(text, {name: value for name, value in values.items() if value}, environ)
    return FunctionLock(
        Path(document["path"]), dict(document["packages"]), tuple(document["changes"]), document["digest"],
        document["python"], document["platform"],
    )  # fmt: skip

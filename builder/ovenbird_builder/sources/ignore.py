"""Which files of a folder stay out: `.gitignore` as git reads it, then `.ovenbirdignore`, at every level."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ovenbird.common.text import cut_text, escape_controls, show_value

from ..errors import SourceError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


_STARS = re.compile(r"\*{2,}")
_MOST_STARS = 4


class Rules:
    """The rules that hold in one folder: its own, and those of the folders above it."""

    def __init__(self, names: tuple[str, ...], levels: tuple[tuple[str, GitIgnoreSpec], ...] = ()) -> None:
        self.names = names
        self.levels = levels  # (prefix of the rules' folder, rules), the weakest first

    def below(self, folder: Path, prefix: str) -> Rules:
        """The rules of a folder that lies at `prefix` (empty, or ending in a slash)."""
        found = tuple((prefix, spec) for name in self.names if (spec := _read(folder / name)) is not None)
        return Rules(self.names, self.levels + found) if found else self

    def ignores(self, path: str) -> bool:
        """Whether a path is left out; a folder's ends in a slash. The deepest file that says something counts."""
        for prefix, spec in reversed(self.levels):
            said = spec.check_file(path[len(prefix) :]).include
            if said is not None:
                return said
        return False


def outer(root: Path) -> tuple[Rules, str]:
    """The `.gitignore` rules from the folders above `root` up to its repository's top, and root's prefix there.

    Rules that ignore `root` itself do not count: it was named by hand.
    """
    names = (".gitignore", ".ovenbirdignore")
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    exclude = _read(top / ".git" / "info" / "exclude")
    rules = Rules(names, (("", exclude),) if exclude else ())
    prefix = ""
    for part in root.relative_to(top).parts:
        rules = rules.below(top / prefix, prefix)
        prefix += f"{part}/"
        if rules.ignores(prefix):
            return Rules(names), ""
    return rules, prefix


def _bounded(line: str, number: int) -> str:
    """A rule that is matched in little time: each `*` multiplies the ways to match, and a source may be anybody's.

    Stars in a row are one, as git reads them, but for a `**` between slashes. Errors: ValueError for too many.
    """
    parts = [part if part == "**" else _STARS.sub("*", part) for part in line.split("/")]
    deep = parts.count("**")
    if deep > _MOST_STARS or any(part.count("*") > _MOST_STARS for part in parts if part != "**"):
        raise ValueError(f"line {number} has more than {_MOST_STARS} wildcards in one part, or `**` among its parts")
    return "/".join(parts)


def _read(path: Path) -> GitIgnoreSpec | None:
    if path.is_symlink() or not path.is_file():
        return None  # git does not follow such a link either
    from pathspec import GitIgnoreSpec

    try:
        lines = path.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a pattern that means another thing in a later Python
            return GitIgnoreSpec.from_lines([_bounded(line, number) for number, line in enumerate(lines, 1)])
    except (OSError, ValueError, re.error, RecursionError, OverflowError) as error:
        why = escape_controls(cut_text(str(error), 200))
        raise SourceError(f"cannot read the rules in {show_value(str(path))}: {why}") from None

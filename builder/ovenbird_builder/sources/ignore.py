"""Rules in the syntax of `.gitignore`, as git reads them: at every level, the deepest one that says something."""

from __future__ import annotations

import os
import re
import shlex
import warnings
from collections.abc import Iterable, Set
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from ovenbird.common.text import cut_text, escape_controls, show_value

from ..errors import SourceError
from .permissions import describe_permissions

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


_STARS = re.compile(r"\*{2,}")
OWN = ".ovenbirdignore"
MOST_STARS = 4


class Rule(Struct, frozen=True):
    """What the rules say of a path: whether it is left out, and by which of them, in words for people."""

    ignored: bool
    reason: str


class NamePatterns(Struct, frozen=True):
    """Patterns of single names: `name`, `folder/`, `start*` and `*end`, matched at every level without pathspec.

    To import that takes a seventh of a build in which nothing changed, and most sources have no rules of their own.
    """

    lines: tuple[str, ...]

    def match(self, path: str, void: Set[str] = frozenset()) -> Rule | None:
        """Return the rule of the last pattern that matches a path, None if there is none. As `Patterns.match`."""
        *folders, last = path.split("/")
        names = [*folders, last] if last else folders
        for line in reversed(self.lines):
            if _is_name_matched(line, names, folders):
                rule = Rule(True, f"{show_value(line)}, default")
                if rule.reason not in void:
                    return rule
        return None


def _is_name_matched(line: str, names: list[str], folders: list[str]) -> bool:
    if line.endswith("/"):
        return line[:-1] in folders
    if line.startswith("*"):
        return any(name.endswith(line[1:]) for name in names)
    if line.endswith("*"):
        return any(name.startswith(line[:-1]) for name in names)
    return line in names


class Patterns(Struct, frozen=True):
    """The patterns of one file or field: `name` says which. They count for the folder at `prefix`."""

    name: str
    prefix: str
    lines: tuple[str, ...]
    spec: GitIgnoreSpec

    def match(self, path: str, void: Set[str] = frozenset()) -> Rule | None:
        """Return the rule of the last pattern that matches a path, None if there is none; a folder's ends in a slash.

        `void` holds the reasons of rules that do not count.
        """
        name = path[len(self.prefix) :]
        result = self.spec.check_file(name)
        if result.include is None or result.index is None:
            return None
        rule = self._make_rule(result.index, ignored=result.include)
        if rule.reason not in void:
            return rule
        for index in range(result.index - 1, -1, -1):
            pattern = self.spec.patterns[index]
            if pattern.include is None or pattern.match_file(name) is None:
                continue
            rule = self._make_rule(index, ignored=pattern.include)
            if rule.reason not in void:
                return rule
        return None

    def _make_rule(self, index: int, *, ignored: bool) -> Rule:
        line = show_value(cut_text(self.lines[index], 80))
        return Rule(ignored, f"{line}, line {index + 1} of {self.name}")


class IgnoreRules:
    """The rules that hold in one folder: its own, and those of the folders above it."""

    def __init__(self, names: tuple[str, ...], levels: tuple[Patterns | NamePatterns, ...] = ()) -> None:
        self.names = names
        self.levels = levels  # the weakest first

    def enter(self, folder: Path, prefix: str) -> IgnoreRules:
        """Return the rules of a folder that lies at `prefix` (empty, or ending in a slash)."""
        levels = tuple(spec for name in self.names if (spec := _read(folder / name, prefix)) is not None)
        return IgnoreRules(self.names, self.levels + levels) if levels else self

    def match(self, path: str, void: Set[str] = frozenset()) -> Rule | None:
        """Return the deepest rule that matches a path, None without one. As `Patterns.match`."""
        for level in reversed(self.levels):
            if rule := level.match(path, void):
                return rule
        return None

    def ignores(self, path: str) -> bool:
        """Return whether a path is left out."""
        rule = self.match(path)
        return rule is not None and rule.ignored


def read_outer_rules(root: Path, name: str, weakest: tuple[NamePatterns, ...] = ()) -> tuple[IgnoreRules, str]:
    """Return the rules in files `name` above `root`, up to the top of its repository, and the prefix of `root` there.

    Rules that ignore `root` itself do not count: it was named by hand.
    """
    names = (name,)
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    exclude = _read(top / ".git" / "info" / "exclude", "") if name == ".gitignore" else None
    rules = IgnoreRules(names, (*weakest, exclude) if exclude else weakest)
    prefix = ""
    for part in root.relative_to(top).parts:
        rules = rules.enter(top / prefix, prefix)
        prefix += f"{part}/"
        if rules.ignores(prefix):
            return IgnoreRules(names, weakest), ""
    return rules, prefix


def compile_patterns(lines: Iterable[str], name: str, prefix: str = "") -> Patterns:
    """Compile patterns. Errors: ValueError, re.error and the like for an invalid one, or one that is slow to match."""
    from pathspec import GitIgnoreSpec

    texts = tuple(lines)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a pattern that means another thing in a later Python
        # pathspec counts no empty lines, and a comment is counted
        spec = GitIgnoreSpec.from_lines([_bound_stars(line, number) or "#" for number, line in enumerate(texts, 1)])
    return Patterns(name, prefix, texts, spec)


def _bound_stars(line: str, number: int) -> str:
    """Return a rule that is matched in little time: each `*` multiplies the ways to match, and nobody vouches for it.

    Stars in a row are one, as git reads them, but for a `**` between slashes. Errors: ValueError for too many.
    """
    parts = [part if part == "**" else _STARS.sub("*", part) for part in line.split("/")]
    deep = parts.count("**")
    if deep > MOST_STARS or any(part.count("*") > MOST_STARS for part in parts if part != "**"):
        raise ValueError(f"line {number} has more than {MOST_STARS} wildcards in one part, or `**` among its parts")
    return "/".join(parts)


def read_lines(path: Path) -> list[str] | None:
    """Return the lines of a file of rules, None when there is none. Errors: SourceError.

    A `.gitignore` is read as git reads it: a link has no rules, and bytes of UTF-16 match nothing. In a file of ours,
    or of Docker, that would pack what somebody wanted to leave out.
    """
    if path.is_symlink() or not path.is_file():
        if path.name == OWN and os.path.lexists(path):
            raise SourceError(
                f"cannot read the rules in {show_value(str(path))}: it is a link, a folder or no regular file",
                hint="put the rules themselves there",
            )
        return None
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise rules_error(path, error) from None
    if "\0" in text and path.name != ".gitignore":
        raise SourceError(
            f"cannot read the rules in {show_value(str(path))}: they are not UTF-8 text",
            hint="a file in UTF-16: `iconv -f UTF-16 -t UTF-8`",
        )
    return text.splitlines()


def rules_error(path: Path, error: Exception) -> SourceError:
    """Return the error of a file of rules that cannot be read."""
    name = show_value(str(path))
    if isinstance(error, PermissionError):
        return SourceError(
            f"cannot read the rules in {name}: {error.strerror} ({describe_permissions(path)})",
            hint=f"`chmod u+rX {shlex.quote(str(path))}`",
        )
    return SourceError(f"cannot read the rules in {name}: {escape_controls(cut_text(str(error), 200))}")


def _read(path: Path, prefix: str) -> Patterns | None:
    lines = read_lines(path)
    if lines is None:
        return None
    try:
        return compile_patterns(lines, prefix + path.name, prefix)
    except (ValueError, re.error, RecursionError, OverflowError) as error:
        raise rules_error(path, error) from None

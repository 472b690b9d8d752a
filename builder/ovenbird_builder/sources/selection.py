"""Select the files of a folder that are a function's source.

From the weakest to the strongest: what is left out by default, `.gitignore` (but for what git tracks), `.dockerignore`,
`.ovenbirdignore`, and `include` and `exclude` of the function document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ovenbird.common.text import show_value

from ..errors import SourceError
from .dockerignore import DockerIgnore
from .ignore import OWN, IgnoreRules, NamePatterns, Patterns, Rule, compile_patterns, read_outer_rules

# what tools and systems leave beside code, and no function needs; a rule that begins with ! takes it back
DEFAULTS = (
    "node_modules/", ".hg/", ".svn/", ".tox/", ".nox/", ".eggs/", ".direnv/", ".idea/", ".vscode/", ".terraform/",
    ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".pytype/", ".hypothesis/", ".ipynb_checkpoints/", ".coverage",
    ".DS_Store", "._*", "__MACOSX/", "Thumbs.db", "desktop.ini", "*.swp",
)  # fmt: skip
WILDCARD = re.compile(r"[*?\[\\]")
NOT_INCLUDED = "not in spec.source.include"


class FileSelector(Struct, frozen=True):
    """`include` and `exclude` of a function document: patterns as in `.gitignore`, from the source's root."""

    include: Patterns | None = None
    exclude: Patterns | None = None
    literal: frozenset[str] = frozenset()  # the patterns of `include` that have no wildcard

    @classmethod
    def of(cls, include: tuple[str, ...], exclude: tuple[str, ...]) -> FileSelector:
        """Compile the patterns of a document. Errors: SourceError."""
        literal = frozenset(_escape_literal(text) for text in include if not WILDCARD.search(text))
        return cls(_compile(include, "include"), _compile(exclude, "exclude"), literal)

    def names(self, path: str) -> bool:
        """Return whether a path is included by its own name, without a wildcard."""
        return path in self.literal

    def reaches(self, folder: str) -> bool:
        """Return whether something below a folder may be included, though the folder itself is not."""
        for text in self.include.lines if self.include else ():
            start, *wild = WILDCARD.split(text.removeprefix("/"))
            if "/" not in text.rstrip("/") or start.startswith(f"{folder}/"):
                return True
            if wild and f"{folder}/".startswith(start.rpartition("/")[0]):
                return True
        return False


class Verdict(Struct, frozen=True):
    """Why a path is left out, empty when it stays; of a folder, whether something in it may stay all the same."""

    reason: str = ""
    enter: bool = True


class Selection(Struct, frozen=True):
    """The rules that hold in one folder of a source. `prefix` is the root's place below the repository's top."""

    weak: IgnoreRules
    strong: IgnoreRules
    docker: DockerIgnore
    selector: FileSelector
    weak_prefix: str = ""
    strong_prefix: str = ""
    tracked: frozenset[str] = frozenset()
    tracked_folders: frozenset[str] = frozenset()
    folder_reason: str = ""  # why .gitignore leaves out the whole folder
    void: frozenset[str] = frozenset()  # rules that leave out a folder which the document includes by its name

    def enter(self, folder: Path, path: str) -> Selection:
        """Return the rules of the folder that lies at `path` below the root (empty, or ending in a slash)."""
        weak = self.weak.enter(folder, self.weak_prefix + path)
        strong = self.strong.enter(folder, self.strong_prefix + path)
        inner = replace(self, weak=weak, strong=strong)
        if not path:
            return inner
        if self.selector.names(path.rstrip("/")):
            void = self.void | {reason for reason in self._explain(path.rstrip("/"), path) if reason}
            return replace(inner, folder_reason="", void=void)
        return replace(inner, folder_reason=self._explain_weak(path.rstrip("/"), path))

    def judge(self, path: str, *, is_folder: bool) -> Verdict:
        """Say whether the path below the root is part of the source. It has no slash at its end."""
        full = path + "/" * is_folder
        weak, docker, strong = self._explain(path, full)
        enter = not strong and (path in self.tracked_folders or self.docker.reaches(path))
        reason = next((candidate for candidate in (strong, docker, weak) if candidate is not None), "")
        return self._judge_by_document(path, full, reason, enter)

    def _explain(self, path: str, full: str) -> tuple[str, str | None, str | None]:
        """Return why each kind of rules leaves a path out: empty if it takes it in, None if no rule matches."""
        docker, strong = self.docker.match(path), self.strong.match(self.strong_prefix + full, self.void)
        return self._explain_weak(path, full), self._explain_rule(docker), self._explain_rule(strong)

    def _explain_weak(self, path: str, full: str) -> str:
        if path in self.tracked:
            return ""
        return self.folder_reason or self._explain_rule(self.weak.match(self.weak_prefix + full, self.void)) or ""

    def _explain_rule(self, rule: Rule | None) -> str | None:
        if rule is None or rule.reason in self.void:
            return None
        return rule.reason if rule.ignored else ""

    def _judge_by_document(self, path: str, full: str, reason: str, enter: bool) -> Verdict:
        selector = self.selector
        if selector.exclude and (rule := selector.exclude.match(full)) and rule.ignored:
            return Verdict(rule.reason, enter=False)
        if selector.include is None:
            return Verdict(reason, enter=enter)
        if selector.names(path):
            return Verdict()
        enter = enter or any(text.startswith(f"{path}/") for text in selector.literal)
        rule = selector.include.match(full)
        if rule and rule.ignored:  # by a pattern of `include`, so it is taken
            return Verdict(reason, enter=enter)
        reaches = selector.reaches(path)
        # a `!` of `include` that takes a path out again, and a rule but for which a folder were entered, say so
        why = rule.reason if rule else reason if reaches and reason else NOT_INCLUDED
        return Verdict(why, enter=enter or (not reason and reaches))


def suggest_rule(reasons: Iterable[str]) -> str:
    """Return the hint that says which rule lets files in that were left out for these reasons."""
    if any("spec.source." in reason for reason in reasons):
        return "change `spec.source.include` or `spec.source.exclude` of the document, which win over ignore files"
    return "a rule with `!` in `.ovenbirdignore`, or `spec.source.include`, takes it back"


def select_files(
    folder: Path, ignore: tuple[str, ...], selector: FileSelector, tracked: frozenset[str] = frozenset()
) -> Selection:
    """Return the rules that hold at the root of a source. `ignore` names the files of rules that count.

    `tracked` holds the paths that git tracks although its rules ignore them. Errors: SourceError.
    """
    defaults = (NamePatterns(DEFAULTS),)
    weak, weak_prefix = IgnoreRules((), defaults), ""
    if ".gitignore" in ignore:
        weak, weak_prefix = read_outer_rules(folder, ".gitignore", defaults)
        strong, strong_prefix = read_outer_rules(folder, OWN)
    else:
        strong, strong_prefix = IgnoreRules((OWN,)), ""
    folders = frozenset(path[:end] for path in tracked for end in _find_slashes(path))
    return Selection(
        weak, strong, DockerIgnore.read(folder), selector, weak_prefix, strong_prefix, tracked, folders
    )  # fmt: skip


def _find_slashes(path: str) -> list[int]:
    return [index for index, char in enumerate(path) if char == "/"]


def _escape_literal(text: str) -> str:
    return text.removeprefix("./").strip("/")


def _compile(texts: tuple[str, ...], field: str) -> Patterns | None:
    if not texts:
        return None
    lines = [text.removeprefix("./") for text in texts]
    try:
        return compile_patterns(lines, f"spec.source.{field}")
    except (ValueError, re.error, RecursionError, OverflowError) as error:
        raise SourceError(f"spec.source.{field}: {show_value(', '.join(texts))}: {error}") from None

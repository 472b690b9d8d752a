"""The rules of a `.dockerignore`, as Docker and buildah read them, which is not as git reads its own.

Each pattern begins at the source's root; a `*` stops at a slash; what matches a folder matches all that is in it, and
a `!` takes something back even where its folder is left out.
Spec: https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

from __future__ import annotations

import posixpath
import re
import warnings
from pathlib import Path

from msgspec import Struct

from ovenbird.common.text import cut_text, show_value

from .ignore import Rule, read_lines, rules_error

NAME = ".dockerignore"
_LONGEST = 1000  # characters of a pattern
_CLASS = re.compile(r"\[\^?(\\.|[^\]\\])+\]")
_PLAIN = re.compile(r"[^*?\[\]\\]*")
# tokens of a pattern beside those that match one character
_STAR, _ANY, _FOLDERS = "[^/]*", ".*", "(.*/)?"
_MANY = (_STAR, _ANY, _FOLDERS)


class _Pattern(Struct, frozen=True):
    text: str
    path: str
    line: int
    negated: bool
    tokens: tuple[str, ...]
    regex: re.Pattern[str] | None  # None where matching by it could take long

    def matches(self, path: str) -> bool:
        """Return whether the pattern matches a path, or a folder above it."""
        if self.regex is None:
            return _simulate(self.tokens, path)
        end = len(path)
        while end > 0:
            if self.regex.fullmatch(path, 0, end):
                return True
            end = path.rfind("/", 0, end)
        return False


class DockerIgnore:
    """The patterns of a `.dockerignore`; none where there is no file."""

    def __init__(self, patterns: tuple[_Pattern, ...] = ()) -> None:
        self.patterns = patterns
        self._negated = [pattern for pattern in patterns if pattern.negated]

    @classmethod
    def read(cls, folder: Path) -> DockerIgnore:
        """Read the file in a folder. Errors: SourceError."""
        lines = read_lines(folder / NAME)
        if lines is None:
            return cls()
        try:
            return cls(tuple(pattern for number, line in enumerate(lines, 1) if (pattern := _parse(line, number))))
        except (ValueError, re.error, RecursionError, OverflowError) as error:
            raise rules_error(folder / NAME, error) from None

    def match(self, path: str) -> Rule | None:
        """Return the rule of the last pattern that matches a path, None if there is none."""
        for pattern in reversed(self.patterns):
            if pattern.matches(path):
                text = show_value(cut_text(pattern.text, 80))
                return Rule(not pattern.negated, f"{text}, line {pattern.line} of {NAME}")
        return None

    def reaches(self, folder: str) -> bool:
        """Return whether a `!` may take back something below a folder that is left out."""
        depth = folder.count("/") + 2  # parts of a path in the folder
        for pattern in self._negated:
            start = _PLAIN.match(pattern.path)
            head = start[0] if start else ""
            if head.startswith(f"{folder}/"):
                return True
            wide = "**" in pattern.path or pattern.path.count("/") + 1 >= depth
            if head != pattern.path and wide and f"{folder}/".startswith(head.rpartition("/")[0]):
                return True
        return False


def _parse(line: str, number: int) -> _Pattern | None:
    """Return the pattern of a line, None for a comment or an empty one. Errors: ValueError, re.error."""
    text = "" if line.startswith("#") else line.strip()
    negated = text.startswith("!")
    pattern = text[1:].strip() if negated else text
    if not pattern:
        if negated:
            raise ValueError(f"line {number} is a `!` without a pattern")
        return None
    if len(pattern) > _LONGEST:
        raise ValueError(f"line {number} has more than {_LONGEST} characters")
    pattern = posixpath.normpath(pattern).lstrip("/")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class that means another thing in a later Python
        tokens = _tokenize(pattern)
        for token in tokens:
            re.compile(token)
        quick = tokens.count(_FOLDERS) <= 1 and tokens.count(_STAR) <= 2  # whatever the path
        regex = re.compile("".join(tokens), re.DOTALL) if quick else None
    return _Pattern(text, pattern, number, negated, tokens, regex)


def _tokenize(pattern: str) -> tuple[str, ...]:
    """Return a regular expression for each part of a pattern. `**` is any folders, and at the end whatever follows."""
    if pattern.startswith("**") and pattern[2:3] not in ("", "/", "*") and _PLAIN.fullmatch(pattern[2:]):
        return (_ANY, *map(re.escape, pattern[2:]))  # `**file` is also the end of a name
    tokens: list[str] = []
    index = 0
    while index < len(pattern):
        char = pattern[index]
        index += 1
        if pattern.startswith("**", index - 1):
            index += 2 if pattern.startswith("/", index + 1) else 1
            tokens.append(_FOLDERS if index < len(pattern) else _ANY)
        elif char == "*":
            tokens.append(_STAR)
        elif char == "?":
            tokens.append("[^/]")
        elif char == "\\" and index < len(pattern):
            tokens.append(re.escape(pattern[index]))
            index += 1
        elif char == "[":
            match = _CLASS.match(pattern, index - 1)
            if match is None:
                raise ValueError(f"the class of {show_value(cut_text(pattern, 80))} has no end")
            tokens.append(match[0])
            index = match.end()
        else:
            tokens.append(re.escape(char))
    return tuple(tokens)


def _simulate(tokens: tuple[str, ...], path: str) -> bool:
    """Match by all ways at once, in time that grows with the path and no faster; as `_Pattern.matches`.

    A state is the place in `tokens`, and whether the folders there have begun.
    """
    regexes = [None if token in _MANY else re.compile(token, re.DOTALL) for token in tokens]

    def follow(states: set[tuple[int, bool]]) -> set[tuple[int, bool]]:
        """Add the places that are reached without a character."""
        todo = list(states)
        while todo:
            index, begun = todo.pop()
            if index < len(tokens) and tokens[index] in _MANY and not begun and (index + 1, False) not in states:
                states.add((index + 1, False))
                todo.append((index + 1, False))
        return states

    states = follow({(0, False)})
    for number, char in enumerate(path):
        if char == "/" and (len(tokens), False) in states and number:
            return True
        after: set[tuple[int, bool]] = set()
        for index, _ in states:
            if index == len(tokens):
                continue
            token, single = tokens[index], regexes[index]
            if single is not None:
                if single.fullmatch(char):
                    after.add((index + 1, False))
            elif token == _ANY or (token == _STAR and char != "/"):
                after.add((index, False))
            elif token == _FOLDERS:
                after.add((index, True))
                if char == "/":
                    after.add((index + 1, False))
        states = follow(after)
        if not states:
            return False
    return (len(tokens), False) in states

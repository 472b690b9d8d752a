"""`--allow`: the files of a source that may hold what looks like a secret."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from ovenbird.common.text import show_value
from ovenbird.function_document import FunctionSpec

from ..errors import BuildRequestError


def is_allowed(path: str, allow: Sequence[str]) -> bool:
    """Return whether one of the patterns names a path, or a folder above it.

    As in a shell, `*`, `?` and `**` stand for no name that begins with a dot, unless the pattern has the dot: what is
    called so is hidden, and most often what credentials are called (`.env`, `.ssh/`).
    """
    if any(path == pattern or path.startswith(f"{pattern.rstrip('/')}/") for pattern in allow):
        return True
    return any(_is_match(path.split("/"), pattern) for pattern in allow if set(pattern) & set("*?["))


def _is_match(parts: Sequence[str], pattern: str) -> bool:
    """Return whether a pattern is for all of a path: each part of it for one name, `**` for any number of them."""
    segments = pattern.split("/")
    segments = [*segments[:-1], "**", "*"] if segments[-1] in ("", "**") else segments  # all below a folder
    states = {0}  # how many parts of the pattern may be behind us
    for part in parts:
        after = set()
        for state in _follow_stars(states, segments):
            if state == len(segments):
                continue
            if segments[state] == "**":
                after |= {state} if not part.startswith(".") else set()
            elif _is_name(part, segments[state]):
                after.add(state + 1)
        states = after
    return len(segments) in _follow_stars(states, segments)


def _follow_stars(states: set[int], segments: Sequence[str]) -> set[int]:
    """Return the states with those that are reached where a `**` stands for nothing."""
    reached = set(states)
    for index, part in enumerate(segments):
        if part == "**" and index in reached:
            reached.add(index + 1)
    return reached


def _is_name(name: str, pattern: str) -> bool:
    return (pattern.startswith(".") or not name.startswith(".")) and fnmatchcase(name, pattern)


def parse_allow(flags: Sequence[str], function: FunctionSpec) -> tuple[str, ...]:
    """Return the patterns of `--allow` and of `spec.source.allow`, relative to the source root.

    Errors: BuildRequestError.
    """
    written = ((function.raw.get("spec") or {}).get("source") or {}).get("allow") or []
    if not isinstance(written, list) or not all(isinstance(text, str) for text in written):
        raise BuildRequestError(f"spec.source.allow: expected a list of paths, found {show_value(written)}")
    patterns = []
    for origin, texts in (("--allow", flags), ("spec.source.allow", written)):
        for text in texts:
            pattern = text.removeprefix("./")
            if not pattern.strip() or pattern.startswith("/") or ".." in pattern.split("/") or "\n" in pattern:
                raise BuildRequestError(
                    f"{origin}: expected a path or a pattern relative to the source root, found {show_value(text)}",
                    hint="`--allow tests/fixtures/key.pem`, `--allow 'tests/**'`",
                )
            patterns.append(pattern)
    return tuple(dict.fromkeys(patterns))

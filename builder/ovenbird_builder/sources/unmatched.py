"""Warn of patterns that match no file: a misspelled one leaves out what the function needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ovenbird.common.did_you_mean import nearest_name
from ovenbird.common.text import cut_text, show_value

from .dockerignore import NAME, DockerIgnore
from .ignore import compile_patterns
from .selection import NOT_INCLUDED, WILDCARD, FileSelector, Selection

_Matches = Callable[[str], bool]


def list_unmatched(selection: Selection, paths: Sequence[str], left_out: Mapping[str, str]) -> tuple[str, ...]:
    """Return a warning for each pattern of `spec.source.include`, and each `!` of a `.dockerignore`, without a file.

    `paths` are those of the packed files. If a rule leaves out what a pattern names, the warning names that rule.
    """
    return (
        *_check_include(selection.selector, paths, left_out),
        *_check_dockerignore(selection.docker, paths, left_out),
    )


def _check_include(selector: FileSelector, paths: Sequence[str], left_out: Mapping[str, str]) -> list[str]:
    warnings = []
    for line in selector.include.lines if selector.include else ():
        if line.startswith(("!", "#")) or not line.strip():
            continue
        spec = compile_patterns([line], "").spec
        if any(spec.match_file(path) for path in paths):
            continue
        plain = WILDCARD.split(line.strip("/"))[0]
        why = _describe(plain, spec.match_file, paths, left_out)
        warnings.append(f"spec.source.include: {show_value(cut_text(line, 80))} {why}")
    return warnings


def _check_dockerignore(docker: DockerIgnore, paths: Sequence[str], left_out: Mapping[str, str]) -> list[str]:
    warnings = []
    for pattern in docker.patterns:
        if pattern.negated and not any(pattern.matches(path) for path in paths):
            plain = WILDCARD.split(pattern.path)[0]
            why = _describe(plain, pattern.matches, paths, left_out)
            warnings.append(f"{NAME}, line {pattern.line}: {show_value(cut_text(pattern.text, 80))} {why}")
    return warnings


def _describe(plain: str, matches: _Matches, paths: Sequence[str], left_out: Mapping[str, str]) -> str:
    """Return why a pattern has no file. `plain` is what comes before its first wildcard."""
    for path, reason in left_out.items():
        is_above = path.endswith("/") and f"{plain}/".startswith(path)
        if reason != NOT_INCLUDED and (is_above or matches(path.rstrip("/"))):
            return f"names only what is left out: {reason}"
    candidates = {path[:end] for path in (*paths, *left_out) for end in _list_ends(path)}
    suggestion = nearest_name(plain, sorted(candidates)) if plain else ""
    return "matches nothing" + (
        f"; did you mean {show_value(suggestion)}?" if suggestion and suggestion != plain.strip("/") else ""
    )


def _list_ends(path: str) -> list[int]:
    """Return where the folders of a path end, and where it ends itself."""
    plain = path.rstrip("/")
    return [*(index for index, char in enumerate(plain) if char == "/"), len(plain)]

"""`--allow`: the files of a source that may hold what looks like a secret."""

from __future__ import annotations

from collections.abc import Sequence

from ovenbird.common.text import show_value
from ovenbird.function_document import FunctionSpec

from ..errors import BuildRequestError


def is_allowed(path: str, allow: Sequence[str]) -> bool:
    """Return whether one of the patterns names a path, or a folder above it."""
    if any(path == pattern or path.startswith(f"{pattern.rstrip('/')}/") for pattern in allow):
        return True
    globs = [pattern for pattern in allow if set(pattern) & set("*?[")]
    if not globs:
        return False
    from pathspec import GitIgnoreSpec  # only where something was found that a pattern may name

    return GitIgnoreSpec.from_lines(f"/{pattern}" for pattern in globs).match_file(path)


def parse_allow(flags: Sequence[str], function: FunctionSpec) -> tuple[str, ...]:
    """Return the patterns of `--allow` and of `spec.source.allow`, relative to the source root. Errors: SpecError."""
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
                    hint="--allow tests/fixtures/key.pem, --allow 'tests/**'",
                )
            patterns.append(pattern)
    return tuple(dict.fromkeys(patterns))

"""Suggest names that are near to one that was not found."""

from __future__ import annotations

from collections.abc import Iterable


def suggest_names(wanted: str, names: Iterable[str], limit: int = 5) -> str:
    """`did you mean 'a', 'b'?` for the names nearest to `wanted`, else `found: ...`, else an empty string."""
    import difflib

    known = sorted({name for name in names if not name.startswith("_")})
    close = difflib.get_close_matches(wanted, known, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(repr(name) for name in close) + "?"
    if not known:
        return ""
    more = f" and {len(known) - limit} more" if len(known) > limit else ""
    return "found: " + ", ".join(known[:limit]) + more

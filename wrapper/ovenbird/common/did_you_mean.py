"""Find names that are similar to a mistyped one, and suggest them: a field, a flag, a verb, a file, a branch."""

from __future__ import annotations

from collections.abc import Iterable

from .text import show_value

_PREFIX = 4  # letters that a shortened name has at least: `init` of `init_function`
_LONGEST = 64  # letters that are compared; real names are shorter
_MOST = 3  # names that are suggested


def find_nearest(name: str, candidates: Iterable[str], *, limit: int = _MOST, cutoff: float = 0.6) -> list[str]:
    """Return at most `limit` of the `candidates` that are similar to `name`, the most similar first.

    Case, hyphens and underscores do not count, so `baseImage` and `base-image` are similar to `base_image`.
    A name is also similar to one that begins with it.
    """
    plain: dict[str, str] = {}
    for word in candidates:
        plain.setdefault(_normalize(word), word)
    query = _normalize(name[:_LONGEST])
    if query in plain:
        return [plain[query]]
    import difflib  # imported only when needed: a short run would notice it

    close = [word for word in plain if word.startswith(query)][:1] if len(query) >= _PREFIX else []
    if len(close) < limit:
        close += difflib.get_close_matches(query, plain, n=limit, cutoff=cutoff)
    return [plain[word] for word in dict.fromkeys(close)][:limit]


def nearest_name(name: str, candidates: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the candidate that is most similar to `name`, or empty text. As `find_nearest`."""
    return next(iter(find_nearest(name, candidates, limit=1, cutoff=cutoff)), "")


def did_you_mean(name: str, candidates: Iterable[str], *, limit: int = _MOST, cutoff: float = 0.6) -> str:
    """Return `did you mean 'a' or 'b'?`, or empty text if no name is similar. As `find_nearest`."""
    matches = find_nearest(name, candidates, limit=limit, cutoff=cutoff)
    return f"did you mean {' or '.join(map(show_value, matches))}?" if matches else ""


def suggest_names(name: str, candidates: Iterable[str], limit: int = 5, cutoff: float = 0.6) -> str:
    """Return `did you mean …?` for names similar to `name`, else `found: …` with the first names, else empty text.

    Private names, which begin with an underscore, are left out.
    """
    names = sorted({word for word in candidates if not word.startswith("_")})
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return did_you_mean(name, names, cutoff=cutoff) or (f"found: {', '.join(names[:limit])}{more}" if names else "")


def _normalize(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")

"""Find the known name that a mistyped one is near to: a field, a flag, a verb, a variable."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_PREFIX = 4  # letters that a shortened name has at least: `init` of `init_function`
_LONGEST = 64  # letters that are compared; no name of ours is as long


def nearest_name(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return the one of `known` that is nearest to `name`, or empty text.

    Case, hyphens and underscores do not count, so `baseImage` and `base-image` are near to `base_image`.
    A name that another one begins with is near to it.
    """
    plain: dict[str, str] = {}
    for word in known:
        plain.setdefault(_plain(word), word)
    wanted = _plain(name[:_LONGEST])
    if wanted in plain:
        return plain[wanted]
    close = [word for word in plain if word.startswith(wanted)][:1] if len(wanted) >= _PREFIX else []
    close = close or difflib.get_close_matches(wanted, plain, n=1, cutoff=cutoff)
    return plain[close[0]] if close else ""


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")

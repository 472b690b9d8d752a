"""The `Accept` header (RFC 9110 12.5.1): the weight of a media type."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

_ITEM = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+')
_PARAMETER = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*"?)+')
_WEIGHT = re.compile(r"0(\.[0-9]*)?|1(\.0*)?")
_UTF8 = ("utf-8", "utf8")
_NAMED = 2  # how specific a range is: 0 for */*, 1 for text/*, 2 for a type by its name
_SHORT = 512  # characters of a header that is cached
Ranges = Mapping[str, float]


def parse_accept(accept: str) -> Ranges:
    """Return the weight of each media range; of a repeated range, the highest weight.

    Malformed ranges are left out, and ranges with a charset other than UTF-8, as all text is sent in UTF-8. Other
    parameters are ignored: no answer has them, and a client that sends one still wants that type.
    """
    ranges: dict[str, float] = {}
    for item in _ITEM.findall(accept):
        name, _, rest = item.lower().partition(";")
        name = name.strip()
        weight = 1.0
        for parameter in _PARAMETER.findall(rest):
            key, _, value = parameter.partition("=")
            key, value = key.strip(), value.strip().strip('"')
            if key == "q":
                weight = float(value) if _WEIGHT.fullmatch(value) else -1.0
                break  # the rest is an obsolete extension
            if key == "charset" and value not in _UTF8:
                weight = -1.0
                break
        kind, slash, subtype = name.partition("/")
        if weight >= 0 and slash and kind and subtype and (kind != "*" or subtype == "*"):
            ranges[name] = max(weight, ranges.get(name, 0.0))
    return ranges


_parse_short = functools.lru_cache(maxsize=256)(parse_accept)  # nearly all clients send one of a few values


def _find_ranges(accept: str) -> Ranges:
    return _parse_short(accept) if len(accept) <= _SHORT else parse_accept(accept)


def match_type(accept: str, media: str) -> tuple[float, int]:
    """Return the weight of a media type, and the specificity of its range. The most specific range counts."""
    ranges = _find_ranges(accept)
    for specificity, name in ((_NAMED, media), (1, media.partition("/")[0] + "/*"), (0, "*/*")):
        if name in ranges:
            return ranges[name], specificity
    return 0.0, 0


def is_named(accept: str, media: str) -> bool:
    """Return whether the client accepts a media type by its name, and not only by a range with `*`."""
    return _find_ranges(accept).get(media, 0.0) > 0

"""Suggest a known field for each unknown field of a function document."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from .did_you_mean import nearest_name
from .text import show_value

_MOST = 20  # fields that are named; further ones are counted
_LIKELY = 0.6  # how similar a name must be
_SURE = 0.75  # the same for a field of the metadata, which may be the user's own, and for one in another place
# fields that users do not write
_INTERNAL = frozenset("status id key user build function task local_execution run".split())

Place = tuple[str, Any, Collection[str]]  # where it lies, the mapping, the names of the fields that are known there


def describe_unknown(places: Sequence[Place]) -> tuple[str, ...]:
    """Return a sentence for each field that its place does not know; one of another place is said to belong there."""
    unknown = [
        _describe(where, key, known, places)
        for where, fields, known in places
        if isinstance(fields, dict)
        for key in fields
        if key not in known and not str(key).startswith("x-")
    ]
    sentences = [sentence for sentence in unknown if sentence]
    more = len(sentences) - _MOST
    return (*sentences[:_MOST], *([f"and {more} more that are not known"] if more > 0 else ()))


def _describe(where: str, key: Any, known: Collection[str], places: Sequence[Place]) -> str:
    """Return the sentence for one field; empty text for one of the metadata that may be the user's own."""
    name = key if isinstance(key, str) and key.isprintable() and 0 < len(key) <= 60 else show_value(key)
    field = f"{where}.{name}" if where else name
    suggestion = nearest_name(str(key), known, _SURE if where == "metadata" else _LIKELY)
    if where == "metadata" and not suggestion:
        return ""
    others = [(place, names) for place, _, names in places if names is not known and place != "metadata"]
    homes = [place for place, names in others if key in names]
    if suggestion and not (homes and homes[0]):
        advice = f"did you mean {show_value(suggestion)}?"
    elif homes:
        advice = f"it belongs below `{homes[0]}`" if homes[0] else "it belongs at the top of the document"
    else:
        advice = _suggest_elsewhere(str(key), known, others)
    return f"{field}: not a field that is read; {advice}"


def _suggest_elsewhere(key: str, known: Collection[str], others: Sequence[tuple[str, Collection[str]]]) -> str:
    """Return the advice for a field that is similar to none of its own place."""
    for place, names in others:
        suggestion = nearest_name(key, names, _SURE)
        if place and suggestion:
            return f"did you mean {show_value(suggestion)} below `{place}`?"
    return "known are " + ", ".join(sorted(set(known) - _INTERNAL))

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

Section = tuple[str, Any, Collection[str]]
"""A part of the document: its path, its content, and the names of the fields that are known there."""


def describe_unknown(sections: Sequence[Section]) -> tuple[str, ...]:
    """Return a sentence for each unknown field. For a field of another section, it says where the field belongs."""
    unknown = [
        _describe(path, key, known_names, sections)
        for path, fields, known_names in sections
        if isinstance(fields, dict)
        for key in fields
        if key not in known_names and not str(key).startswith("x-")
    ]
    sentences = [sentence for sentence in unknown if sentence]
    more = len(sentences) - _MOST
    return (*sentences[:_MOST], *([f"and {more} more that are not known"] if more > 0 else ()))


def _describe(path: str, key: Any, known_names: Collection[str], sections: Sequence[Section]) -> str:
    """Return the sentence for one field; empty text for a field of the metadata that may be the user's own."""
    name = key if isinstance(key, str) and key.isprintable() and 0 < len(key) <= 60 else show_value(key)
    field = f"{path}.{name}" if path else name
    suggestion = nearest_name(str(key), known_names, _SURE if path == "metadata" else _LIKELY)
    if path == "metadata" and not suggestion:
        return ""
    others = [
        (other_path, names)
        for other_path, _, names in sections
        if names is not known_names and other_path != "metadata"
    ]
    homes = [other_path for other_path, names in others if key in names]
    if suggestion and not (homes and homes[0]):
        advice = f"did you mean {show_value(suggestion)}?"
    elif homes:
        advice = f"it belongs below `{homes[0]}`" if homes[0] else "it belongs at the top of the document"
    else:
        advice = _suggest_elsewhere(str(key), known_names, others)
    return f"{field}: not a field that is read; {advice}"


def _suggest_elsewhere(key: str, known_names: Collection[str], others: Sequence[tuple[str, Collection[str]]]) -> str:
    """Return the advice for a field that is similar to none of its own section."""
    for path, names in others:
        suggestion = nearest_name(key, names, _SURE)
        if path and suggestion:
            return f"did you mean {show_value(suggestion)} below `{path}`?"
    return "known are " + ", ".join(sorted(set(known_names) - _INTERNAL))

"""Fields of records, which other programs write too: a value of another type counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def get_mapping(part: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a field that is an object; an empty one for anything else."""
    value = part.get(name)
    return value if isinstance(value, dict) else {}


def get_list(part: Mapping[str, Any], name: str) -> list[Any]:
    """Return a field that is a list; an empty one for anything else."""
    value = part.get(name)
    return value if isinstance(value, list) else []


def get_text(part: Mapping[str, Any], name: str) -> str:
    """Return a field that is a text; an empty one for anything else."""
    value = part.get(name)
    return value if isinstance(value, str) else ""

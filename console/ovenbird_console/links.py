"""Where the page of an entity is, by its key."""

from __future__ import annotations

from urllib.parse import quote

from ovenbird.errors import OvenbirdError
from ovenbird.platform.core.serialization import parse_function
from ovenbird.platform.keys import EntityKey, parse_key


def link_to(key: str | EntityKey) -> str:
    """Return the path of the page of an entity; empty where there is none, as for an image or a malformed key."""
    if isinstance(key, str):
        try:
            key = parse_key(parse_function(key) or key)
        except OvenbirdError:
            return ""
    project, name = quote(key.project, safe=""), quote(key.name, safe="")
    if key.type == "run":
        return f"/runs/{project}/{quote(key.id or key.name, safe='')}"
    if key.type == "function":
        return f"/functions/{project}/{name}" + (f"?revision={quote(key.id, safe='')}" if key.id else "")
    if key.type in ("dataitem", "artifact", "model"):
        return f"/{key.type}s/{project}/{name}" + (f"/{quote(key.id, safe='')}" if key.id else "")
    return ""


def find_function(key: str | None) -> EntityKey | None:
    """Return the key of a function, also from `python://project/name:id`, as Core has it; None for any other text."""
    try:
        return parse_key(parse_function(key)) if key else None
    except OvenbirdError:
        return None


def link_to_latest(key: str) -> str:
    """Return the path of the page of an entity's name, whichever version is the latest."""
    return link_to(parse_key(key).latest())

"""Which parameters the payload does not fill, and what fills them instead."""

from __future__ import annotations

from typing import Any

from .type_hints import has_fields, is_class, is_class_named, is_pydantic, unwrap_optional

SERVICE = frozenset(("context", "event", "request", "project", "run"))
JOB = frozenset(("context", "event", "project", "run"))
CLOUDEVENT = "cloudevent"


def injection_kind(name: str, hint: Any, reserved: frozenset[str]) -> str:
    """Return what fills a parameter: one of `reserved`, `cloudevent`, or empty text. The hint counts before the
    name.
    """
    bare = unwrap_optional(hint)
    if "event" in reserved and is_class_named(bare, "CloudEvent", "ovenbird", "cloudevents"):
        return CLOUDEVENT
    if "request" in reserved and is_class_named(bare, "Request", "starlette", "fastapi"):
        return "request"
    for kind in ("Context", "Event"):
        if kind.lower() in reserved and is_class_named(bare, kind, "ovenbird"):
            return kind.lower()
    if name not in reserved:
        return ""
    if name == "context" or (reserved is JOB and name in ("project", "run")) or bare is Any or bare is object:
        return name
    # `event: dict`, `request: Order` and a service's `project: str` say that the payload is meant
    return name if _is_namesake(name, bare) else ""


def _is_namesake(name: str, hint: Any) -> bool:
    """Return whether a hint is a class of that name from another runtime, such as `event: nuclio_sdk.Event`.

    A class that describes data, such as a dataclass, is not.
    """
    return is_class(hint) and hint.__name__.lower() == name and not (has_fields(hint) or is_pydantic(hint))

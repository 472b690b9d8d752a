"""Why each layer is made again: what its key was made of at the last build of the same tag, against now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ovenbird.common.text import show_value

from .plan import Plan, Step

_LONGEST = 60


def explain(plan: Plan, before: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """One line per step, in order. `before` is `memory` of the last build, empty when there was none."""
    return tuple(f"{step.kind} {show_value(_short(step.name))}: {_why(step, before)}" for step in plan.steps)


def memory(plan: Plan) -> list[dict[str, Any]]:
    """What is kept of a plan so that the next build can be explained. Holds no secret, only what tells two apart."""
    return [{"kind": step.kind, "name": step.name, "key": step.key, "parts": dict(step.parts)} for step in plan.steps]


def _why(step: Step, before: Sequence[Mapping[str, Any]]) -> str:
    if step.layer:
        return "cached"
    if not before:
        return "made: there is no earlier build of this tag here"
    if step.key and any(row["key"] == step.key for row in before):
        return "made again: the cache no longer has it"
    found = _earlier(step, before)
    if found is None:
        return "new"
    changed = [name for name in sorted({*step.parts, *found["parts"]}) if _differs(name, step, found)]
    if not changed:
        return "made again: the builder makes it otherwise now"
    return "made again: " + "; ".join(_change(name, found["parts"].get(name, ""), step) for name in changed)


def _earlier(step: Step, before: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The layer of the last build that this one stands for: the same name, else the most alike of its kind."""
    same = [row for row in before if row["kind"] == step.kind]
    named = [row for row in same if row["name"] == step.name]
    if named or not same:
        return named[0] if named else None
    alike = max(same, key=lambda row: sum(row["parts"].get(name) == value for name, value in step.parts.items()))
    shares = any(alike["parts"].get(name) == value for name, value in step.parts.items() if value)
    return alike if shares or step.kind in ("source", "document") else None


def _differs(name: str, step: Step, found: Mapping[str, Any]) -> bool:
    return bool(found["parts"].get(name, "") != step.parts.get(name, ""))


def _change(name: str, was: str, step: Step) -> str:
    now = step.parts.get(name, "")
    if name == "secrets":  # an identity says nothing to people
        return "a secret has another value"
    if name == "below":
        return "a layer below it has changed"
    if not was:
        return f"{name} is new: {_short(now)}"
    if not now:
        return f"{name} is gone: {_short(was)}"
    return f"{name} was {_short(was)}, is {_short(now)}"


def _short(text: str) -> str:
    if text.startswith("sha256:"):
        return text[7:19]
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."

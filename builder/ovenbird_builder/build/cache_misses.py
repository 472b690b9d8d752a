"""Why each layer is made again: what its key was made of at the last build of the same tag, against now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ovenbird.common.text import show_value

from ..sources.tree_digest import FileRow
from .plan import ImagePlan, LayerStep
from .report import LayerReason

_LONGEST = 60
_NAMED = 10  # files that a line names
_MOST = 20_000  # files that are kept for the next build


def explain(
    plan: ImagePlan,
    before: Sequence[Mapping[str, Any]],
    files: str = "",
    hide: Callable[[str], str] = lambda text: text,
) -> tuple[LayerReason, ...]:
    """Return a reason for each step, in order. `before` is `remember_layers` of the last build, empty without one.

    `files` is what `explain_files` says, for a source that is made again. `hide` is called with each text before that
    is cut, as a part of a secret would not be known any more.
    """
    reasons = []
    for step in plan.steps:
        reason = _explain_step(step, before, hide)
        again = step.kind == "source" and before and not step.layer and files
        reason += f"; {files}" if again else ""
        reasons.append(LayerReason(step.kind, _shorten(hide(step.name)), step.layer is not None, reason))
    return tuple(reasons)


def remember_files(rows: Sequence[FileRow]) -> dict[str, str]:
    """Return the digests of a source's files, from which the next build names those that differ.

    Nothing of very many.
    """
    return {row.name: row.identity for row in rows} if len(rows) <= _MOST else {}


def explain_files(rows: Sequence[FileRow], before: Mapping[str, str]) -> str:
    """Return the files that were added, changed and removed since `before`, what `remember_files` kept.

    Empty for none.
    """
    current = remember_files(rows)
    if not before or not current:
        return ""
    groups = {
        "added": [name for name in current if name not in before],
        "changed": [name for name, identity in current.items() if before.get(name, identity) != identity],
        "removed": [name for name in before if name not in current],
    }
    return "; ".join(f"{label}: {_join_some(names)}" for label, names in groups.items() if names)


def explain_left_out(left_out: Mapping[str, str]) -> tuple[str, ...]:
    """Return a line for each reason why files of the source are not packed."""
    groups: dict[str, list[str]] = {}
    for path, reason in left_out.items():
        groups.setdefault(reason, []).append(path)
    return tuple(f"left out ({reason}): {_join_some(paths)}" for reason, paths in groups.items())


def _join_some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(show_value(name) for name in sorted(names)[:_NAMED]) + more


def remember_layers(plan: ImagePlan) -> list[dict[str, Any]]:
    """Return the parts of a plan that the next build compares with its own. Secrets are fingerprints there."""
    return [{"kind": step.kind, "name": step.name, "key": step.key, "parts": dict(step.parts)} for step in plan.steps]


def _explain_step(step: LayerStep, before: Sequence[Mapping[str, Any]], hide: Callable[[str], str]) -> str:
    if step.layer:
        return "cached"
    if not before:
        return "made: there is no earlier build of this tag here"
    if step.key and any(row["key"] == step.key for row in before):
        return "made again: the cache no longer has it"
    earlier_step = _find_earlier(step, before)
    if earlier_step is None:
        return "new"
    changed = [name for name in sorted({*step.parts, *earlier_step["parts"]}) if _has_changed(name, step, earlier_step)]
    if not changed:
        return "made again: the builder makes it otherwise now"
    return "made again: " + "; ".join(
        _describe_change(name, *(hide(parts.get(name, "")) for parts in (earlier_step["parts"], step.parts)))
        for name in changed
    )


def _find_earlier(step: LayerStep, before: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the layer of the last build that this one stands for: the same name, else the most alike of its kind."""
    same = [row for row in before if row["kind"] == step.kind]
    named = [row for row in same if row["name"] == step.name]
    if named or not same:
        return named[0] if named else None
    alike = max(same, key=lambda row: sum(row["parts"].get(name) == value for name, value in step.parts.items()))
    shares = any(alike["parts"].get(name) == value for name, value in step.parts.items() if value)
    return alike if shares or step.kind in ("source", "document") else None


def _has_changed(name: str, step: LayerStep, earlier_step: Mapping[str, Any]) -> bool:
    return bool(earlier_step["parts"].get(name, "") != step.parts.get(name, ""))


def _describe_change(name: str, before: str, after: str) -> str:
    if name == "secrets":  # an identity says nothing to people
        return "a secret has another value"
    if name == "below":
        return "a layer below it has changed"
    if not before:
        return f"{name} is new: {_shorten(after)}"
    if not after:
        return f"{name} is gone: {_shorten(before)}"
    return f"{name} was {_shorten(before)}, is {_shorten(after)}"


def _shorten(text: str) -> str:
    if text.startswith("sha256:"):
        return text[7:19]
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."

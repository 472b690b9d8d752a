"""Explain names that the platform's SDK has and Ovenbird lacks."""

from __future__ import annotations

from ..common.text import show_value

_SDK_CLASSES = {"FunctionRevision": "Function"}  # classes that the SDK calls otherwise
_WORKFLOWS = "Ovenbird runs functions, not workflows"
_RUNS = {
    "Project": _WORKFLOWS,
    "Function": "`ovenbird run` runs a function; Core is asked for a run in its console",
    "Run": "`ovenbird run` runs a function",
}
_PARTS = {
    "workflow": _WORKFLOWS,
    "trigger": "Ovenbird knows no triggers",
    "extension": "Ovenbird keeps no extensions of entities",
    "containerimage": "`ovenbird build` makes images, and prints their digests",
    "task": "a task is made when a run needs it",
}
_NAMES = {
    "share": "sharing is done in the platform's console",
    "unshare": "sharing is done in the platform's console",
    "as_dataset": "`mlcroissant.Dataset(item.as_path() / 'metadata.json')` reads it",
    "build": "`ovenbird build` makes the image of a function",
    "deploy": "`ovenbird serve` serves a function",
    "start_execution": "`ovenbird run` begins and ends a run by itself",
    "end_execution": "`ovenbird run` begins and ends a run by itself",
}


def absent_attribute_error(owner: object, name: str) -> AttributeError:
    """Return the error for a missing attribute, with the reason if the SDK has it."""
    kind = type(owner).__name__
    kind = _SDK_CLASSES.get(kind, kind)
    reason = _find_reason(kind, name)
    if reason:
        message = f"{kind}.{name} is of the platform's SDK and not of Ovenbird: {reason}"
    else:
        message = f"{show_value(kind)} object has no attribute {show_value(name)}"
    return AttributeError(message, name=name, obj=owner)


def _find_reason(kind: str, name: str) -> str:
    """Return why an attribute of the SDK is missing; empty text if the SDK lacks it too."""
    if name.startswith("_"):
        return ""
    if name == "run":
        return _RUNS.get(kind, "")
    parts = [_PARTS[part] for part in map(_singular, name.split("_")) if part in _PARTS]
    return _NAMES.get(name) or (parts[0] if parts else "")


def _singular(word: str) -> str:
    return word.removesuffix("s")

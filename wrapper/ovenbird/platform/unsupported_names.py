"""Explain names that the platform's SDK has and Ovenbird lacks."""

from __future__ import annotations

from ..common.text import show_value
from ..errors import PlatformOnlyError

_SDK_CLASSES = {"FunctionRevision": "Function"}  # classes that the SDK calls otherwise
_WORKFLOWS = "Ovenbird runs functions, not workflows"
_RUNS = {"Project": _WORKFLOWS, "Run": "`function.run` runs a function"}
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
    "build": '`function.run("build")` makes the image of a function',
    "deploy": '`function.run("serve")` serves a function',
    "start_execution": "a run begins and ends by itself",
    "end_execution": "a run begins and ends by itself",
}


def absent_attribute_error(owner: object, name: str) -> AttributeError:
    """Return the error for a missing attribute: PlatformOnlyError, with the reason, if the SDK has it."""
    kind = type(owner).__name__
    kind = _SDK_CLASSES.get(kind, kind)
    if reason := _find_reason(kind, name):
        return platform_only_error(f"{kind}.{name}", reason)
    return AttributeError(f"{show_value(kind)} object has no attribute {show_value(name)}", name=name, obj=owner)


def platform_only_error(title: str, reason: str) -> PlatformOnlyError:
    """Return the error for a name of the SDK that needs the platform; `title` is what was called."""
    return PlatformOnlyError(f"{title} is of the platform's SDK and not of Ovenbird: {reason}")


def _find_reason(kind: str, name: str) -> str:
    """Return why an attribute of the SDK is missing; empty text if the SDK lacks it too."""
    if name.startswith("_"):
        return ""
    if name == "run":
        return _RUNS.get(kind, "")
    return _NAMES.get(name) or find_part_reason(name)


def find_part_reason(name: str) -> str:
    """Return why there is nothing of that name, by the type of entity in it; empty text for any other name."""
    return next((_PARTS[part] for part in map(_singular, name.split("_")) if part in _PARTS), "")


def _singular(word: str) -> str:
    return word.removesuffix("s")

"""`--set KIND.path=value`: change what a manifest says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from ovenbird.common.text import show_value

from ..errors import BuildRequestError

Key = str | int | tuple[str, str]  # a name, a number in a list, or (field, value) that tells an item of a list
_STEP = re.compile(r"\.?((?:\\.|[^\\.\[\]=])+)|\[([0-9]{1,4})\]|\[([A-Za-z]+)=([^\]]+)\]", re.DOTALL)


def apply(documents: Iterable[dict[str, Any]], changes: Iterable[str]) -> None:
    """Change the documents in place, in the order given. Errors: SpecError that names the change."""
    found = list(documents)
    for change in changes:
        kind, path, value = parse(change)
        meant = [document for document in found if document["kind"].lower() == kind.lower()]
        if not meant:
            kinds = ", ".join(dict.fromkeys(document["kind"] for document in found))
            raise BuildRequestError(
                f"--set {show_value(change)}: there is no {show_value(kind)} here", hint=f"KIND is one of {kinds}"
            )
        for document in meant:
            _put(document, path, value, change)


def parse(change: str) -> tuple[str, list[Key], Any]:
    """The kind, the path below it, and the value: JSON where it is JSON, else text.

    A path is `spec.replicas`, `containers[0]`, `containers[name=function]`; a dot within a name is written as a
    backslash and a dot. Errors: SpecError.
    """
    steps: list[Key] = []
    position = 0
    while position < len(change) and change[position] != "=":
        found = _STEP.match(change, position)
        if not found or (found[1] is not None and found[0].startswith(".") != bool(position)):
            break
        if found[1] is not None:
            steps.append(re.sub(r"\\(.)", r"\1", found[1]))
        else:
            steps.append(int(found[2]) if found[2] is not None else (found[3], found[4]))
        position = found.end()
    if change[position : position + 1] != "=" or len(steps) < 2 or not isinstance(steps[0], str):
        raise BuildRequestError(
            f"--set: expected KIND.path=value, found {show_value(change)}",
            hint="for example Deployment.spec.template.spec.containers[0].resources.limits.cpu=2",
        )
    text = change[position + 1 :]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    return steps[0], steps[1:], value


def _put(document: dict[str, Any], path: list[Key], value: Any, change: str) -> None:
    """Set the place, making mappings on the way; null removes it."""
    place: Any = document
    for index, key in enumerate(path[:-1]):
        place = _step(place, key, [] if not isinstance(path[index + 1], str) else {}, change)
    last = path[-1]
    if isinstance(place, list) and not isinstance(last, str):
        number = _number(place, last, change)
        if value is None:
            del place[number : number + 1]
        else:
            place[number : number + 1] = [value]
    elif isinstance(place, dict) and isinstance(last, str):
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    else:
        raise _wrong(place, last, change)


def _step(place: Any, key: Key, empty: Any, change: str) -> Any:
    if isinstance(place, dict) and isinstance(key, str):
        if place.get(key) is None:
            place[key] = empty
        return place[key]
    if isinstance(place, list) and not isinstance(key, str):
        number = _number(place, key, change)
        if number == len(place):
            place.append(empty)
        return place[number]
    raise _wrong(place, key, change)


def _number(place: list[Any], key: Key, change: str) -> int:
    """Where in a list; its length stands for one more."""
    if isinstance(key, int) and key <= len(place):
        return key
    if isinstance(key, tuple):
        for number, item in enumerate(place):
            if isinstance(item, dict) and item.get(key[0]) == key[1]:
                return number
        raise BuildRequestError(f"--set {show_value(change)}: no item with {key[0]}={key[1]}")
    raise BuildRequestError(f"--set {show_value(change)}: the list has {len(place)} items, and [{key}] is out of range")


def _wrong(place: Any, key: Key, change: str) -> BuildRequestError:
    kind = "a mapping" if isinstance(place, dict) else "a list" if isinstance(place, list) else repr(place)
    return BuildRequestError(f"--set {show_value(change)}: {show_value(key)} does not lead into {kind}")

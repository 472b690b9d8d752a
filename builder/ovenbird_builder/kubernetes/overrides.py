"""`--set KIND.path=value`: change what a manifest says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ovenbird.common.text import show_value

from ..errors import BuildRequestError
from . import k8s_names

Key = str | int | tuple[str, str]  # a name, a number in a list, or (field, value) that tells an item of a list
_STEP = re.compile(r"\.?((?:\\.|[^\\.\[\]=])+)|\[([0-9]{1,4})\]|\[([A-Za-z]+)=([^\]]+)\]", re.DOTALL)


def apply(documents: Iterable[dict[str, Any]], changes: Iterable[str]) -> None:
    """Change the documents in place, in the order given. Errors: BuildRequestError that names the change."""
    changed = list(documents)
    for change in changes:
        kind, path, value = parse(change)
        matches = [document for document in changed if document["kind"].lower() == kind.lower()]
        if not matches:
            kinds = ", ".join(dict.fromkeys(document["kind"] for document in changed))
            raise BuildRequestError(
                f"--set {show_value(change)}: there is no {show_value(kind)} here", hint=f"`KIND` is one of {kinds}"
            )
        for document in matches:
            _put(document, path, value, change)
            _check_kind(document, change)
    _check_names(changed)


def parse(change: str) -> tuple[str, list[Key], Any]:
    """Return the kind, the path below it, and the value: JSON where it is JSON, else text.

    A path is `spec.replicas`, `containers[0]`, `containers[name=function]`; a dot within a name is written as a
    backslash and a dot. Errors: BuildRequestError.
    """
    steps: list[Key] = []
    position = 0
    while position < len(change) and change[position] != "=":
        match = _STEP.match(change, position)
        if not match or (match[1] is not None and match[0].startswith(".") != bool(position)):
            break
        if match[1] is not None:
            steps.append(re.sub(r"\\(.)", r"\1", match[1]))
        else:
            steps.append(int(match[2]) if match[2] is not None else (match[3], match[4]))
        position = match.end()
    if change[position : position + 1] != "=" or len(steps) < 2 or not isinstance(steps[0], str):
        raise BuildRequestError(
            f"--set: expected `KIND.path=value`, found {show_value(change)}",
            hint="for example `Deployment.spec.template.spec.containers[0].resources.limits.cpu=2`",
        )
    text = change[position + 1 :]
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        value = text
    return steps[0], steps[1:], value


def _put(document: dict[str, Any], path: list[Key], value: Any, change: str) -> None:
    """Set the place, making mappings on the way; null removes it."""
    node: Any = document
    for index, key in enumerate(path[:-1]):
        node = _enter_node(node, key, [] if not isinstance(path[index + 1], str) else {}, change)
    last = path[-1]
    if isinstance(node, list) and not isinstance(last, str):
        number = _find_index(node, last, change)
        if value is None:
            del node[number : number + 1]
        else:
            node[number : number + 1] = [value]
    elif isinstance(node, dict) and isinstance(last, str):
        if value is None:
            node.pop(last, None)
        else:
            node[last] = value
    else:
        raise _path_error(node, last, change)


def _check_kind(document: dict[str, Any], change: str) -> None:
    """Refuse a change after which an object has no kind or no version. Errors: BuildRequestError."""
    for field in ("kind", "apiVersion"):
        if not isinstance(document.get(field), str) or not document[field]:
            raise BuildRequestError(f"--set {show_value(change)}: expected text as `{field}`, which each object has")


def _check_names(documents: Iterable[dict[str, Any]]) -> None:
    """Refuse changes after which an object has no valid name. Errors: BuildRequestError."""
    for document in documents:
        about = document.get("metadata")
        name = about
        if isinstance(about, dict):
            name = about.get("name") or str(about.get("generateName", "")).removesuffix("-")
        if not isinstance(name, str) or not k8s_names.is_subdomain(name):
            raise BuildRequestError(
                f"--set: expected lower-case letters, digits, dashes and dots as `metadata.name` of the"
                f" {document['kind']}, found {show_value(name)}"
            )


def _enter_node(node: Any, key: Key, empty: Any, change: str) -> Any:
    if isinstance(node, dict) and isinstance(key, str):
        if node.get(key) is None:
            node[key] = empty
        return node[key]
    if isinstance(node, list) and not isinstance(key, str):
        number = _find_index(node, key, change)
        if number == len(node):
            node.append(empty)
        return node[number]
    raise _path_error(node, key, change)


def _find_index(node: list[Any], key: Key, change: str) -> int:
    """Return the index in a list; an index equal to the length appends an item."""
    if isinstance(key, int) and key <= len(node):
        return key
    if isinstance(key, tuple):
        for number, item in enumerate(node):
            if isinstance(item, dict) and item.get(key[0]) == key[1]:
                return number
        raise BuildRequestError(f"--set {show_value(change)}: no item with `{key[0]}={key[1]}`")
    raise BuildRequestError(f"--set {show_value(change)}: the list has {len(node)} items, and [{key}] is out of range")


def _path_error(node: Any, key: Key, change: str) -> BuildRequestError:
    kind = "a mapping" if isinstance(node, dict) else "a list" if isinstance(node, list) else repr(node)
    return BuildRequestError(f"--set {show_value(change)}: {show_value(key)} does not lead into {kind}")

"""Where an entity comes from: back through the run that made it, what that read, and the function's revision."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from typing import Any

from ..common.redact import mask_record
from ..common.text import show_value
from ..errors import InputError
from . import keys
from .store import EntityStore, Record

Node = dict[str, Any]
"""`{key, type, kind, name, id, state, created, relation, detail, sources}`; `relation` is what led here, `sources` the
nodes one step back. `check`: `{state, reason}`, where the content was compared. `missing`: it was removed. `elsewhere`:
no store keeps its type. `again`: it is shown with its sources elsewhere in the tree."""

Check = Callable[[Record], dict[str, str]]
_ORDER = {"produced_by": 0, "run_of": 1, "consumes": 2}


def trace(store: EntityStore, key: str, check: Check | None = None) -> Node:
    """The tree of what led to the entity `key`; InputError when there is no such entity.

    `check` says of a record whether its content is still as recorded: the node's `check` is its answer.
    """
    root = store.read(keys.parse(key))  # a key without an id is the latest; what it leads to is named in full
    return _node(store, root, "", set(), check)


def find_changed(node: Node) -> list[Node]:
    """Return the nodes of a tree whose content is another than recorded, or is not there any more."""
    nodes = [found for source in node["sources"] for found in find_changed(source)]
    return ([node] if (node.get("check") or {}).get("state") in ("changed", "missing") else []) + nodes


def _node(store: EntityStore, record: Record, relation: str, seen: set[str], check: Check | None) -> Node:
    node: Node = {name: record[name] for name in ("key", "type", "kind", "name", "id")}
    node |= {"state": record["status"].get("state"), "created": record["metadata"].get("created"), "relation": relation}
    node |= {"detail": _detail(record), "sources": []}
    if record["key"] in seen:
        return node | {"again": True}
    seen.add(record["key"])
    if check and record["type"] not in ("run", "function"):
        node["check"] = check(record)
    for link in sorted(record["metadata"].get("relationships") or [], key=lambda link: _ORDER.get(link["type"], 9)):
        if keys.type_of(link["dest"]) in keys.ELSEWHERE:
            node["sources"].append({"key": link["dest"], "relation": link["type"], "elsewhere": True, "sources": []})
            continue
        try:
            source = store.read(keys.parse(link["dest"]))
        except InputError:
            node["sources"].append({"key": link["dest"], "relation": link["type"], "missing": True, "sources": []})
        else:
            node["sources"].append(_node(store, source, link["type"], seen, check))
    return node


def _detail(record: Record) -> dict[str, Any]:
    """What tells this version from another: source revision and digests, parameters, path, hash."""
    masked = mask_record({"spec": record["spec"], "status": record["status"]})
    spec, status = masked["spec"], masked["status"]
    if record["type"] == "function":
        source = spec.get("source")
        if isinstance(source, dict):  # the text of an inline source is long, and its digest stands beside it
            source = {name: value for name, value in source.items() if name != "base64"}
        details = {"source": source, "lock": spec.get("lock"), "image": spec.get("image")}
    elif record["type"] == "run":
        parameters = {**(spec.get("parameters") or {}), **(status.get("parameters") or {})}  # the latter with defaults
        details = {"parameters": parameters, "image": spec.get("image"), **(status.get("provenance") or {})}
    else:
        details = {"path": spec.get("path"), **_content(status)}
        details |= {name: status.get(name) for name in ("python", "requirements", "signature")}
    return {name: value for name, value in details.items() if value not in (None, "", {}, [])}


def _content(status: dict[str, Any]) -> dict[str, Any]:
    """Return digest, size and time of what an entity holds, as far as they are recorded."""
    infos = status.get("files") or []
    if current := status.get("fingerprint"):
        return {name: current.get(name) for name in ("hash", "size", "files", "last_modified")}
    if len(infos) == 1:
        return {name: infos[0].get(name) for name in ("hash", "size", "last_modified")}
    return {"files": len(infos), "size": sum(info.get("size") or 0 for info in infos)} if infos else {}


def render(node: Node, form: str = "text") -> str:
    """The tree as `text`, `json`, `dot` (Graphviz) or `mermaid`."""
    forms: dict[str, Callable[[Node], str]] = {"text": _text, "json": _json, "dot": _dot, "mermaid": _mermaid}
    if form not in forms:
        raise InputError(f"lineage cannot be shown as {show_value(form)}", hint=", ".join(forms))
    return forms[form](node)


def _text(node: Node) -> str:
    return "\n".join(_branches(node, "", ""))


def _branches(node: Node, first: str, rest: str) -> Iterator[str]:
    relation = f"{node['relation']} " if node["relation"] else ""
    yield f"{first}{relation}{node['key']}{_remark(node)}"
    indent = rest + ("│  " if node["sources"] else "   ")
    for name, value in ({} if node.get("again") else node.get("detail", {})).items():
        yield f"{indent}{name}: {_value_text(name, value)}"
    for position, source in enumerate(node["sources"], 1):
        last = position == len(node["sources"])
        yield from _branches(source, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def _value_text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if name == "command" and isinstance(value, list):
        return shlex.join(map(str, value))
    if name == "packages" and isinstance(value, dict):
        return ", ".join(f"{package} {version}" for package, version in value.items())
    return json.dumps(value, ensure_ascii=False)


def _remark(node: Node) -> str:
    if node.get("missing"):
        return "  (removed)"
    if node.get("elsewhere"):
        return ""
    if node.get("again"):
        return "  (see above)"
    check = node.get("check")
    checked = f"  [{check['state']}{': ' + check['reason'] if check['reason'] else ''}]" if check else ""
    return f"  {node['state']}  {node['created']}{checked}"


def _json(node: Node) -> str:
    return json.dumps(node, indent=2, ensure_ascii=False)


def _dot(node: Node) -> str:
    shapes = {"run": "box", "function": "component"}
    lines = ["digraph lineage {", "  rankdir=BT;"]
    for key, found in _nodes(node).items():
        shape = "octagon" if found.get("missing") else shapes.get(found.get("type", ""), "ellipse")
        lines.append(f"  {_quoted(key)} [label={_quoted(_label(found))}, shape={shape}];")
    lines += [f"  {_quoted(one)} -> {_quoted(other)} [label={_quoted(what)}];" for one, what, other in _edges(node)]
    return "\n".join([*lines, "}"])


def _mermaid(node: Node) -> str:
    found = _nodes(node)
    number = {key: f"n{position}" for position, key in enumerate(found)}
    lines = ["flowchart BT"]
    lines += [f'  {number[key]}["{_label(item).replace(chr(34), "#quot;")}"]' for key, item in found.items()]
    lines += [f"  {number[one]} -->|{what}| {number[other]}" for one, what, other in _edges(node)]
    return "\n".join(lines)


def _label(node: Node) -> str:
    if node.get("missing"):
        return f"{node['key']} (removed)"
    if node.get("elsewhere"):
        return str(node["key"])
    name = "" if node["type"] == "run" else f"{node['name']} "
    return f"{node['kind']} {name}{node['id'][:8]}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _nodes(node: Node) -> dict[str, Node]:
    """Every node once, the one with sources rather than a repetition of it."""
    found = {node["key"]: node}
    for source in node["sources"]:
        for key, other in _nodes(source).items():
            found.setdefault(key, other)
    return found


def _edges(node: Node) -> list[tuple[str, str, str]]:
    edges = [(node["key"], source["relation"], source["key"]) for source in node["sources"]]
    for source in node["sources"]:
        edges += [edge for edge in _edges(source) if edge not in edges]
    return edges

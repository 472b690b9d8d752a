"""Trace an entity back to its run, the run's inputs, and the function's revision."""

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


def trace_lineage(store: EntityStore, key: str, check: Check | None = None) -> Node:
    """Return the tree of the origins of the entity `key`. Errors: InputError when it does not exist.

    `check` returns whether a record's content is still as recorded; its answer is the node's `check`.
    """
    root = store.read(keys.parse_key(key))  # a key without an id is the latest; what it leads to is named in full
    return _make_node(store, root, "", set(), check)


def describe_node(record: Record, relation: str = "") -> Node:
    """Return the node of an entity, without its sources."""
    node: Node = {name: record[name] for name in ("key", "type", "kind", "name", "id")}
    node |= {"state": record["status"].get("state"), "created": record["metadata"].get("created"), "relation": relation}
    return node | {"detail": _describe_version(record), "sources": []}


def find_changed(node: Node) -> list[Node]:
    """Return the nodes of a tree whose content has changed or was removed."""
    nodes = [changed for source in node["sources"] for changed in find_changed(source)]
    return ([node] if (node.get("check") or {}).get("state") in ("changed", "missing") else []) + nodes


def _make_node(store: EntityStore, record: Record, relation: str, visited: set[str], check: Check | None) -> Node:
    node = describe_node(record, relation)
    if record["key"] in visited:
        return node | {"again": True}
    visited.add(record["key"])
    if check and record["type"] not in ("run", "function"):
        node["check"] = check(record)
    for link in sorted(record["metadata"].get("relationships") or [], key=lambda link: _ORDER.get(link["type"], 9)):
        if keys.get_key_type(link["dest"]) in keys.ELSEWHERE:
            node["sources"].append({"key": link["dest"], "relation": link["type"], "elsewhere": True, "sources": []})
            continue
        try:
            source = store.read(keys.parse_key(link["dest"]))
        except InputError:
            node["sources"].append({"key": link["dest"], "relation": link["type"], "missing": True, "sources": []})
        else:
            node["sources"].append(_make_node(store, source, link["type"], visited, check))
    return node


def _describe_version(record: Record) -> dict[str, Any]:
    """Return the fields that identify a version: source revision and digests, parameters, path, hash."""
    masked = mask_record({"spec": record["spec"], "status": record["status"]})
    spec, status = masked["spec"], masked["status"]
    if record["type"] == "function":
        source = spec.get("source")
        if isinstance(source, dict):  # the text of an inline source is long, and its digest stands beside it
            source = {name: value for name, value in source.items() if name != "base64"}
        details = {"source": source, "lock": spec.get("lock"), "image": spec.get("image")}
    elif record["type"] == "run":
        given = [part.get("parameters") for part in (spec, status)]  # the latter with defaults
        parameters = {name: value for part in given if isinstance(part, dict) for name, value in part.items()}
        details = {"parameters": parameters, "reused_from": status.get("reused_from"), "image": spec.get("image")}
        provenance = status.get("provenance")
        details |= provenance if isinstance(provenance, dict) else {}
    else:
        details = {"path": spec.get("path"), **_describe_content(status)}
        details |= {name: status.get(name) for name in ("python", "requirements", "signature")}
    return {name: value for name, value in details.items() if value not in (None, "", {}, [])}


def _describe_content(status: dict[str, Any]) -> dict[str, Any]:
    """Return digest, size and time of an entity's content, as far as they are recorded."""
    infos = status.get("files")  # records are written by others too, and a picture of them is no place to fail
    infos = [info for info in infos if isinstance(info, dict)] if isinstance(infos, list) else []
    current = status.get("fingerprint")
    if current and isinstance(current, dict):
        return {name: current.get(name) for name in ("hash", "size", "files", "last_modified")}
    if len(infos) == 1:
        return {name: infos[0].get(name) for name in ("hash", "size", "last_modified")}
    return {"files": len(infos), "size": sum(_get_size(info) for info in infos)} if infos else {}


def _get_size(info: dict[str, Any]) -> int:
    size = info.get("size")
    return size if isinstance(size, int) else 0


def render_lineage(node: Node, form: str = "text") -> str:
    """Return the tree as `text`, `json`, `dot` (Graphviz) or `mermaid`."""
    forms: dict[str, Callable[[Node], str]] = {
        "text": _render_text,
        "json": _render_json,
        "dot": _render_dot,
        "mermaid": _render_mermaid,
    }
    if form not in forms:
        raise InputError(f"lineage cannot be shown as {show_value(form)}", hint=", ".join(forms))
    return forms[form](node)


def _render_text(node: Node) -> str:
    return "\n".join(_render_branches(node, "", ""))


def _render_branches(node: Node, first: str, rest: str) -> Iterator[str]:
    relation = f"{node['relation']} " if node["relation"] else ""
    yield f"{first}{relation}{node['key']}{_format_remark(node)}"
    indent = rest + ("│  " if node["sources"] else "   ")
    for name, value in ({} if node.get("again") else node.get("detail", {})).items():
        yield f"{indent}{name}: {_format_value(name, value)}"
    for position, source in enumerate(node["sources"], 1):
        last = position == len(node["sources"])
        yield from _render_branches(source, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def _format_value(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if name == "command" and isinstance(value, list):
        return shlex.join(map(str, value))
    if name == "packages" and isinstance(value, dict):
        return ", ".join(f"{package} {version}" for package, version in value.items())
    return json.dumps(value, ensure_ascii=False)


def _format_remark(node: Node) -> str:
    if node.get("missing"):
        return "  (removed)"
    if node.get("elsewhere"):
        return ""
    if node.get("again"):
        return "  (see above)"
    check = node.get("check")
    checked = f"  [{check['state']}{': ' + check['reason'] if check['reason'] else ''}]" if check else ""
    return f"  {node['state']}  {node['created']}{checked}"


def _render_json(node: Node) -> str:
    return json.dumps(node, indent=2, ensure_ascii=False)


def _render_dot(node: Node) -> str:
    shapes = {"run": "box", "function": "component"}
    lines = ["digraph lineage {", "  rankdir=BT;"]
    for key, entry in _collect_nodes(node).items():
        shape = "octagon" if entry.get("missing") else shapes.get(entry.get("type", ""), "ellipse")
        lines.append(f"  {_quote(key)} [label={_quote(_format_label(entry))}, shape={shape}];")
    lines += [
        f"  {_quote(start)} -> {_quote(end)} [label={_quote(label)}];" for start, label, end in _collect_edges(node)
    ]
    return "\n".join([*lines, "}"])


def _render_mermaid(node: Node) -> str:
    nodes = _collect_nodes(node)
    number = {key: f"n{position}" for position, key in enumerate(nodes)}
    lines = ["flowchart BT"]
    lines += [f'  {number[key]}["{_format_label(item).replace(chr(34), "#quot;")}"]' for key, item in nodes.items()]
    lines += [f"  {number[key]} -->|{label}| {number[other]}" for key, label, other in _collect_edges(node)]
    return "\n".join(lines)


def _format_label(node: Node) -> str:
    if node.get("missing"):
        return f"{node['key']} (removed)"
    if node.get("elsewhere"):
        return str(node["key"])
    name = "" if node["type"] == "run" else f"{node['name']} "
    return f"{node['kind']} {name}{node['id'][:8]}"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _collect_nodes(node: Node) -> dict[str, Node]:
    """Return every node once, the one with sources rather than a repetition of it."""
    nodes = {node["key"]: node}
    for source in node["sources"]:
        for key, other in _collect_nodes(source).items():
            nodes.setdefault(key, other)
    return nodes


def _collect_edges(node: Node) -> list[tuple[str, str, str]]:
    edges = [(node["key"], source["relation"], source["key"]) for source in node["sources"]]
    for source in node["sources"]:
        edges += [edge for edge in _collect_edges(source) if edge not in edges]
    return edges

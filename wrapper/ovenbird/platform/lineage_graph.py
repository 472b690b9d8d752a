"""The origins of an entity, and the runs that used it, as a graph of bounded size."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import NamedTuple

from ..errors import InputError
from . import keys
from .lineage import Node, describe_node
from .store import EntityStore, Record

_SEARCHED = 500  # newest runs that are looked through for users of an entity


class LineageEdge(NamedTuple):
    """A relation from an entity to what it comes from."""

    start: str
    relation: str
    end: str


class LineageGraph(NamedTuple):
    """Nodes by their keys, as `lineage` describes them and without sources; `omitted` more were not read."""

    nodes: dict[str, Node]
    edges: list[LineageEdge]
    omitted: int


def trace_graph(store: EntityStore, key: keys.EntityKey, limit: int = 200) -> LineageGraph:
    """Return the nearest origins of an entity, `limit` nodes at most, and the runs that used it.

    Errors: InputError when it does not exist.
    """
    root = store.read(key)
    users = {run["key"]: run for run in find_users(store, root)[: limit // 2]}
    nodes = {record["key"]: describe_node(record) for record in (root, *users.values())}
    edges = [LineageEdge(user, "consumes", root["key"]) for user in users]
    waiting, omitted = deque([root]), set()
    while waiting:
        record = waiting.popleft()
        for relation, link in _list_links(record):
            end = link
            if link in users:  # it made what it used too
                waiting.append(users.pop(link))
            elif link not in nodes and len(nodes) >= limit:
                omitted.add(link)
                continue
            elif link not in nodes:
                source = _read_source(store, link)
                end = source["key"]  # a link may leave out the id
                if end not in nodes:
                    is_record = "metadata" in source
                    nodes[end] = describe_node(source) if is_record else source
                    waiting.extend([source] if is_record else [])
            edges.append(LineageEdge(record["key"], relation, end))
    return LineageGraph(nodes, list(dict.fromkeys(edges)), len(omitted))


def find_users(store: EntityStore, record: Record) -> list[Record]:
    """Return those of the newest 500 runs of the project that used the entity, newest first."""
    runs = islice(store.iterate_records("run", project=record["project"]), _SEARCHED)
    return [run for run in runs if ("consumes", record["key"]) in _list_links(run)]


def _list_links(record: Record) -> list[tuple[str, str]]:
    """Return the relations of an entity with the keys they lead to; records are written by others too."""
    links = record["metadata"].get("relationships")
    links = links if isinstance(links, list) else []
    pairs = [(link.get("type"), link.get("dest")) for link in links if isinstance(link, dict)]
    return [(str(relation), dest) for relation, dest in pairs if isinstance(dest, str)]


def _read_source(store: EntityStore, key: str) -> Record | Node:
    """Return the record that a relation leads to; a node for one that is missing, or that no store holds."""
    if keys.get_key_type(key) in keys.ELSEWHERE:
        return {"key": key, "elsewhere": True}
    try:
        return store.read(keys.parse_key(key))
    except InputError:
        return {"key": key, "missing": True}

"""A graph of lineage as boxes and lines with coordinates, for the template of the SVG."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ovenbird.common.text import cut_text, escape_controls
from ovenbird.platform.lineage_graph import LineageGraph

from ..links import link_to
from .layers import Point, arrange

BOX_WIDTH, BOX_HEIGHT = 190, 46
_ACROSS, _DOWN, _LINE = 250, 60, 14  # pixels from layer to layer, from box to box, and for a passing line
_MARGIN = 12
_CHARACTERS = 24
_RELATIONS = {"produced_by": "was made by", "consumes": "uses", "run_of": "is a run of"}


@dataclass(frozen=True)
class Box:
    """A node: its corner, its texts (the title is whole), its page, and classes of its look."""

    x: float
    y: float
    label: str
    detail: str
    title: str
    href: str
    look: str
    is_root: bool


@dataclass(frozen=True)
class Line:
    """An edge: the path of SVG from what was there first, and a sentence that says the same."""

    path: str
    sentence: str


@dataclass(frozen=True)
class Picture:
    """The whole drawing, in pixels; `omitted` nodes are not in it."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    omitted: int


def draw_lineage(graph: LineageGraph, root: str) -> Picture:
    """Return the drawing: origins on the left, what came of them on the right; a run has the name of its function."""
    graph = _name_runs(graph, root)
    layout = arrange(list(graph.nodes), [(edge.end, edge.start) for edge in graph.edges], _DOWN, _LINE)
    boxes = tuple(_draw_box(graph.nodes[key], point, key == root) for key, point in layout.points.items())
    lines = tuple(
        Line(_draw_path(route), f"{_name(graph, edge.start)} {_RELATIONS.get(edge.relation, edge.relation)} "
             f"{_name(graph, edge.end)}")
        for edge, route in zip(graph.edges, layout.routes, strict=True)
    )  # fmt: skip
    points = [point for route in layout.routes for point in route] + list(layout.points.values())
    width = max((point.layer for point in points), default=0) * _ACROSS + BOX_WIDTH + 2 * _MARGIN
    height = max((point.position for point in points), default=0.0) + _DOWN / 2 + 2 * _MARGIN
    return Picture(width, round(height), boxes, lines, graph.omitted)


def _name_runs(graph: LineageGraph, root: str) -> LineageGraph:
    """Return the graph without functions, whose names go to their runs: lines from one to all its runs say little."""
    edges = [edge for edge in graph.edges if edge.relation != "run_of" or edge.end == root]
    linked = {root, *(edge.start for edge in edges), *(edge.end for edge in edges)}
    nodes = {key: node for key, node in graph.nodes.items() if key in linked or node.get("type") == "run"}
    for edge in graph.edges:
        if edge.relation == "run_of" and edge.start in nodes:
            nodes[edge.start] = {**nodes[edge.start], "function": _cut_name(edge.end)}
    return LineageGraph(nodes, edges, graph.omitted)


def _cut_name(key: str) -> str:
    """Return the name in the key of a function."""
    return key.rpartition("/")[2].partition(":")[0]


def describe_node(node: dict[str, Any]) -> tuple[str, str]:
    """Return the two lines of a node: its name, and its type, version and state."""
    if node.get("missing") or node.get("elsewhere"):
        name = str(node["key"]).rpartition("/")[2]
        return escape_controls(name), "removed" if node.get("missing") else "kept elsewhere"
    if node["type"] == "run":
        name = node.get("function") or "run"
        return escape_controls(name), f"run {node['id'][:8]} · {str(node['state'] or '').lower()}"
    return escape_controls(node["name"]), f"{node['kind']} · {node['id'][:8]}"


def _draw_box(node: dict[str, Any], point: Point, is_root: bool) -> Box:
    label, detail = describe_node(node)
    gone = bool(node.get("missing"))
    look = "gone" if gone else str(node.get("type") or "elsewhere")
    if node.get("type") == "run":
        look += f" run-{str(node['state'] or '').lower()}"
    return Box(
        point.layer * _ACROSS + _MARGIN,
        round(point.position - BOX_HEIGHT / 2 + _MARGIN, 1),
        cut_text(label, _CHARACTERS),
        cut_text(detail, _CHARACTERS + 6),
        f"{label}, {detail}: {escape_controls(str(node['key']))}",
        "" if gone else link_to(node["key"]),
        look,
        is_root,
    )


def _draw_path(route: list[Point]) -> str:
    """Return the path through the points of an edge, with a bend between two layers."""
    start = route[0]
    pieces = [f"M{_right(start):g} {_middle(start):g}"]
    for before, point in pairwise(route):
        forward = point.layer >= before.layer
        x1, x2 = (_right(before), _left(point)) if forward else (_left(before), _right(point))
        y1, y2, middle = _middle(before), _middle(point), (x1 + x2) / 2
        pieces.append(f"L{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}")
    return "".join(pieces)


def _left(point: Point) -> float:
    return point.layer * _ACROSS + _MARGIN


def _right(point: Point) -> float:
    return _left(point) + BOX_WIDTH


def _middle(point: Point) -> float:
    return round(point.position + _MARGIN, 1)


def _name(graph: LineageGraph, key: str) -> str:
    label, detail = describe_node(graph.nodes[key])
    return f"{cut_text(label, 80)} ({detail})"

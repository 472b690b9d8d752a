"""Lay a directed graph out in layers, after Sugiyama: longest paths, order by barycentres, positions by means.

No maintained library in pure Python does this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

_SWEEPS = 6  # over all layers, forth and back; later ones change little


class Point(NamedTuple):
    """The centre of a node: its layer, counted from 0, and its position within the layer."""

    layer: int
    position: float


class Layout(NamedTuple):
    """The place of each node, and the points that each edge passes, from its start to its end."""

    points: dict[str, Point]
    routes: list[list[Point]]


def arrange(nodes: Sequence[str], edges: Sequence[tuple[str, str]], space: float, line_space: float) -> Layout:
    """Return where nodes lie, so that edges lead to higher layers; those of a cycle may lead back.

    `space` is between the centres of two nodes of a layer; `line_space` where an edge passes.
    """
    backward = _drop_cycles(nodes, [(end, start) for start, end in edges])  # from the first node to what led there
    forward = [(start, end) for end, start in backward]
    ranks = _rank_nodes(nodes, forward)
    columns, chains, spaces = _split_edges(nodes, edges, ranks, space, line_space)
    links = [pair for chain in chains for pair in pairwise(chain) if pair[0] != pair[1]]
    above, below = _collect_neighbours(links), _collect_neighbours((end, start) for start, end in links)
    _order_columns(columns, above, below)
    positions = _place_columns(columns, above, below, spaces)
    layers = {name: layer for layer, column in enumerate(columns) for name in column}
    points = {name: Point(layers[name], positions[name]) for name in layers}
    routes = []
    for (start, _), chain in zip(edges, chains, strict=True):
        route = [points[name] for name in chain]
        routes.append(route if chain[0] == start else route[::-1])
    return Layout({name: points[name] for name in nodes}, routes)


def _drop_cycles(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the edges without those that close a cycle; a walk in depth finds these."""
    targets: dict[str, list[str]] = {name: [] for name in nodes}
    for start, end in edges:
        targets[start].append(end)
    forward: list[tuple[str, str]] = []
    finished: set[str] = set()
    path: set[str] = set()
    for first in nodes:
        stack = [] if first in finished else [(first, iter(targets[first]))]
        path.add(first)
        while stack:
            name, rest = stack[-1]
            target = next(rest, None)
            if target is None:
                stack.pop()
                path.discard(name)
                finished.add(name)
            elif target not in path:
                forward.append((name, target))
                if target not in finished:
                    path.add(target)
                    stack.append((target, iter(targets[target])))
        path.discard(first)
    return forward


def _rank_nodes(nodes: Sequence[str], forward: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the layer of each node: one more than the highest layer that an edge comes from."""
    targets: dict[str, list[str]] = {name: [] for name in nodes}
    waiting = dict.fromkeys(nodes, 0)
    for start, end in forward:
        targets[start].append(end)
        waiting[end] += 1
    ranks = dict.fromkeys(nodes, 0)
    ready = [name for name in nodes if not waiting[name]]
    while ready:
        name = ready.pop()
        for end in targets[name]:
            ranks[end] = max(ranks[end], ranks[name] + 1)
            waiting[end] -= 1
            if not waiting[end]:
                ready.append(end)
    return _pull_sources(ranks, targets)


def _pull_sources(ranks: dict[str, int], targets: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Move each node without incoming edges next to what it leads to, so that no edge is longer than it need be."""
    entered = {end for ends in targets.values() for end in ends}
    pulled = {
        name: min(ranks[end] for end in ends) - 1 for name, ends in targets.items() if ends and name not in entered
    }
    return ranks | pulled


Columns = list[list[str]]
Neighbours = Mapping[str, list[str]]


def _split_edges(
    nodes: Sequence[str], edges: Sequence[tuple[str, str]], ranks: Mapping[str, int], space: float, line_space: float
) -> tuple[Columns, list[list[str]], dict[str, float]]:
    """Return the layers with a place for each edge that passes them, each edge's chain, and the space of each name."""
    columns: Columns = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for name in nodes:
        columns[ranks[name]].append(name)
    spaces, chains = dict.fromkeys(nodes, space), []
    for number, (start, end) in enumerate(edges):
        low, high = sorted((start, end), key=lambda name: ranks[name])
        chain = [low]
        for rank in range(ranks[low] + 1, ranks[high]):
            passing = f"{number}\0{rank}"  # no key holds a NUL
            columns[rank].append(passing)
            spaces[passing] = line_space
            chain.append(passing)
        chains.append([*chain, high])
    return columns, chains, spaces


def _collect_neighbours(links: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    neighbours: dict[str, list[str]] = {}
    for start, end in links:
        neighbours.setdefault(end, []).append(start)
    return neighbours


def _order_columns(columns: Columns, above: Neighbours, below: Neighbours) -> None:
    """Order each layer by the mean place of its neighbours, so that few edges cross."""
    for sweep in range(_SWEEPS):
        neighbours = below if sweep % 2 else above
        previous: list[str] = []
        for column in reversed(columns) if sweep % 2 else columns:
            _order_column(column, previous, neighbours)
            previous = column


def _order_column(column: list[str], previous: Sequence[str], neighbours: Neighbours) -> None:
    """Order a layer by its neighbours in the previous one; what has none stays about where it is."""
    places = {name: index / max(1, len(previous)) for index, name in enumerate(previous)}
    own = {name: index / max(1, len(column)) for index, name in enumerate(column)}
    column.sort(key=lambda name: _mean([places[other] for other in neighbours.get(name, ())], own[name]))


def _place_columns(
    columns: Columns, above: Neighbours, below: Neighbours, spaces: Mapping[str, float]
) -> dict[str, float]:
    """Return the position of each name in its layer: close to the mean of its neighbours, with the space it needs."""
    positions: dict[str, float] = {}
    for column in columns:
        positions |= dict(zip(column, _measure_offsets(column, spaces), strict=True))
    for sweep in range(_SWEEPS):
        neighbours = below if sweep % 2 else above
        for column in reversed(columns) if sweep % 2 else columns:
            wanted = [
                _mean([positions[other] for other in neighbours.get(name, ())], positions[name]) for name in column
            ]
            positions |= dict(zip(column, _spread(wanted, _measure_offsets(column, spaces)), strict=True))
    least = min((position - spaces[name] / 2 for name, position in positions.items()), default=0.0)
    return {name: position - least for name, position in positions.items()}


def _measure_offsets(column: Sequence[str], spaces: Mapping[str, float]) -> list[float]:
    """Return the least distance of each name from the first of its layer."""
    offsets, before = [], 0.0
    for index, name in enumerate(column):
        before += (spaces[column[index - 1]] + spaces[name]) / 2 if index else 0.0
        offsets.append(before)
    return offsets


def _spread(wanted: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """Return positions in order, with the distances of `offsets` at least, as close to `wanted` as can be.

    This is isotonic regression by pooling adjacent violators.
    """
    pools: list[tuple[float, int]] = []  # sum and number of what shares one position
    for value, offset in zip(wanted, offsets, strict=True):
        total, count = value - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            total, count = total + pools[-1][0], count + pools[-1][1]
            pools.pop()
        pools.append((total, count))
    levels = [total / count for total, count in pools for _ in range(count)]
    return [level + offset for level, offset in zip(levels, offsets, strict=True)]


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default

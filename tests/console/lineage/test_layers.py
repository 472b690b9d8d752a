from __future__ import annotations

import itertools
import random

from ovenbird_console.lineage.layers import arrange


def test_edges_lead_to_higher_layers_and_nodes_do_not_overlap() -> None:
    """200 nodes with 400 edges: each edge passes every layer between its ends."""
    chance = random.Random(7)
    names = [f"n{number}" for number in range(200)]
    edges = [(names[chance.randrange(max(0, end - 12), end)], names[end]) for end in range(1, 200) for _ in range(2)]
    layout = arrange(names, edges, 60, 14)
    for (start, end), route in zip(edges, layout.routes, strict=True):
        assert layout.points[start].layer < layout.points[end].layer
        assert [route[0], route[-1]] == [layout.points[start], layout.points[end]]
        assert [point.layer for point in route] == list(range(route[0].layer, route[-1].layer + 1))
    columns: dict[int, list[float]] = {}
    for point in layout.points.values():
        columns.setdefault(point.layer, []).append(point.position)
    for positions in map(sorted, columns.values()):
        assert all(second - first > 59.9 for first, second in itertools.pairwise(positions))


def test_a_cycle_is_broken_where_it_leads_back_to_the_first_node() -> None:
    """The first node stays on the right, with its origins to the left; the edge that closes the cycle leads back."""
    layout = arrange(["root", "a", "b"], [("a", "root"), ("b", "a"), ("root", "b"), ("a", "a")], 60, 14)
    assert [layout.points[name].layer for name in ("b", "a", "root")] == [0, 1, 2]
    assert [point.layer for point in layout.routes[2]] == [2, 1, 0]


def test_a_source_lies_next_to_what_it_leads_to() -> None:
    layout = arrange(["d", "c", "b", "a", "late"], [("a", "b"), ("b", "c"), ("c", "d"), ("late", "d")], 60, 14)
    assert layout.points["late"].layer == 2


def test_neighbours_are_ordered_without_crossings() -> None:
    layout = arrange(["a", "b", "x", "y"], [("a", "y"), ("b", "x")], 60, 14)
    points = layout.points
    assert (points["a"].position < points["b"].position) == (points["y"].position < points["x"].position)


def test_nothing_is_laid_out_as_nothing() -> None:
    assert arrange([], [], 60, 14) == ({}, [])

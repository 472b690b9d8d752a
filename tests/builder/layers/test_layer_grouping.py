"""Which wheels share a layer: within the budget, and one change moves one group."""

from __future__ import annotations

from pathlib import Path

from tests.wheels import Wheel

from ovenbird_builder.layers.layer_grouping import BUDGET, HEAVY, format_title, group_wheels


def make_wheels(count: int, size: int, prefix: str = "w") -> list[tuple[Wheel, int]]:
    return [(Wheel(f"{prefix}{n}", "1", f"{prefix}{n}.whl", Path(), "0"), size) for n in range(count)]


def list_names(groups: tuple[tuple[Wheel, ...], ...]) -> list[list[str]]:
    return [[wheel.name for wheel in group] for group in groups]


def test_heavy_wheels_have_own_layers_and_small_wheels_share() -> None:
    """Each heavy wheel has a layer of its own, small ones share a few."""
    groups = list_names(group_wheels(make_wheels(3, HEAVY) + make_wheels(100, 10, "s")))
    assert groups[:3] == [["w0"], ["w1"], ["w2"]]
    assert len(groups) <= 3 + 8
    assert sorted(name for group in groups for name in group) == sorted(
        [f"w{n}" for n in range(3)] + [f"s{n}" for n in range(100)]
    )


def test_the_order_of_the_wheels_does_not_matter() -> None:
    """The same wheels give the same groups."""
    weighted = make_wheels(3, HEAVY) + make_wheels(20, 10, "s")
    assert list_names(group_wheels(weighted)) == list_names(group_wheels(weighted[::-1]))


def test_one_more_wheel_changes_one_group() -> None:
    """A small wheel that comes or goes leaves all other groups as they were."""
    before, after = list_names(group_wheels(make_wheels(40, 10))), list_names(group_wheels(make_wheels(41, 10)))
    assert len([group for group in after if group not in before]) == 1


def test_the_budget_holds() -> None:
    """With too many heavy wheels the largest have own layers and the others share, for any budget."""
    weighted = [(wheel, size + n) for n, (wheel, size) in enumerate(make_wheels(200, HEAVY))]
    for budget in (1, 2, 5, BUDGET):
        groups = list_names(group_wheels(weighted, budget))
        assert len(groups) <= budget
        assert sum(map(len, groups)) == 200
    assert ["w199"] in list_names(group_wheels(weighted))


def test_the_heaviest_wheels_come_first() -> None:
    """By powers of two: a few bytes more or less move nothing."""
    weighted = [(wheel, HEAVY * times + n) for (wheel, _), (times, n) in zip(
        make_wheels(4, HEAVY), ((1, 0), (5, 9), (5, 0), (9, 0)), strict=True)]  # fmt: skip
    assert list_names(group_wheels(weighted)) == [["w3"], ["w1"], ["w2"], ["w0"]]


def test_a_title_names_the_first_few() -> None:
    """A layer is called by what is in it, at a length that can be read."""
    assert format_title([wheel for wheel, _ in make_wheels(6, 1)]) == "w0 1, w1 1, w2 1, w3 1 and 2 more"

"""Which wheels share a layer: within the budget, and one change moves one group."""

from __future__ import annotations

from pathlib import Path

from tests.wheels import Wheel

from ovenbird_builder.layers.layer_grouping import BUDGET, HEAVY, format_title, group_wheels


def wheels(count: int, size: int, prefix: str = "w") -> list[tuple[Wheel, int]]:
    return [(Wheel(f"{prefix}{n}", "1", f"{prefix}{n}.whl", Path(), "0"), size) for n in range(count)]


def names(groups: tuple[tuple[Wheel, ...], ...]) -> list[list[str]]:
    return [[wheel.name for wheel in group] for group in groups]


def test_heavy_wheels_lie_alone_and_small_ones_together() -> None:
    """Each heavy wheel has a layer of its own, small ones share a few."""
    groups = names(group_wheels(wheels(3, HEAVY) + wheels(100, 10, "s")))
    assert groups[:3] == [["w0"], ["w1"], ["w2"]]
    assert len(groups) <= 3 + 8
    assert sorted(name for group in groups for name in group) == sorted(
        [f"w{n}" for n in range(3)] + [f"s{n}" for n in range(100)]
    )


def test_the_order_of_the_wheels_does_not_matter() -> None:
    """The same wheels give the same groups."""
    sized = wheels(3, HEAVY) + wheels(20, 10, "s")
    assert names(group_wheels(sized)) == names(group_wheels(sized[::-1]))


def test_one_more_wheel_changes_one_group() -> None:
    """A small wheel that comes or goes leaves all other groups as they were."""
    before, after = names(group_wheels(wheels(40, 10))), names(group_wheels(wheels(41, 10)))
    assert len([group for group in after if group not in before]) == 1


def test_the_budget_holds() -> None:
    """With too many heavy wheels the largest lie alone and the others share, whatever the budget."""
    sized = [(wheel, size + n) for n, (wheel, size) in enumerate(wheels(200, HEAVY))]
    for budget in (1, 2, 5, BUDGET):
        groups = names(group_wheels(sized, budget))
        assert len(groups) <= budget
        assert sum(map(len, groups)) == 200
    assert ["w199"] in names(group_wheels(sized))


def test_the_heaviest_lie_lowest() -> None:
    """By powers of two: a few bytes more or less move nothing."""
    sized = [(wheel, HEAVY * times + n) for (wheel, _), (times, n) in zip(
        wheels(4, HEAVY), ((1, 0), (5, 9), (5, 0), (9, 0)), strict=True)]  # fmt: skip
    assert names(group_wheels(sized)) == [["w3"], ["w1"], ["w2"], ["w0"]]


def test_a_title_names_the_first_few() -> None:
    """A layer is called by what is in it, at a length that can be read."""
    assert format_title([wheel for wheel, _ in wheels(6, 1)]) == "w0 1, w1 1, w2 1, w3 1 and 2 more"

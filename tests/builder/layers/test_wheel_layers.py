"""Layers of wheels: who waits for them hears of those that are finished, from the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.wheels import Target, wheel

from ovenbird_builder.cache.layer import Layer
from ovenbird_builder.cache.layer_cache import LayerCache
from ovenbird_builder.layers.layer_grouping import HEAVY
from ovenbird_builder.layers.wheel_layers import WheelSet, make_wheel_layers


def test_an_observer_hears_of_finished_layers_from_the_bottom(tmp_path: Path, cache: LayerCache) -> None:
    """Not of the last one, which ends the call; not at all where the cache has all of them."""
    sizes = {"large": 4 * HEAVY, "middle": 2 * HEAVY, "small": HEAVY}  # no source, so nothing is compiled
    wheels = [wheel(tmp_path, name, files={f"{name}/data": bytes(size)}) for name, size in sizes.items()]
    stack = WheelSet(wheels, Target(), "sha256:0")
    reports: list[list[str]] = []

    def observe(layers: Sequence[Layer]) -> None:
        reports.append([layer.name for layer in layers])

    layers = make_wheel_layers(stack, "no image is asked", cache, observe)
    assert [layer.name for layer in layers] == ["large 1.0", "middle 1.0", "small 1.0"]
    assert reports == [["large 1.0"], ["large 1.0", "middle 1.0"]]
    assert make_wheel_layers(stack, "no image is asked", cache, observe) == layers
    assert len(reports) == 2

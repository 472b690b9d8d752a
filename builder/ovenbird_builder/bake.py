"""Make a plan real: each layer that the cache lacks, then the image's config and manifest. Effects only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from msgspec import Struct

from .bench import Bench
from .layers import COMPRESSIONS, Layer
from .layers.assemble import Changes, Image, kept, predict
from .layers.blobs import Draft
from .layers.cache import Cache
from .layers.tarball import Tarball
from .network import Network
from .plan import Plan, Step
from .progress import Progress
from .secrets import Secret

Maker = Callable[[], Sequence[Layer]]


class Kitchen(Struct, frozen=True):
    """What baking needs beside the plan. `makers` makes all layers of a kind at once; times in seconds.

    `python` is the target's interpreter, by its path in the image.
    """

    cache: Cache
    bench: Bench
    network: Network
    secrets: tuple[Secret, ...]
    compression: str
    timeout: float
    makers: Mapping[str, Maker]
    progress: Progress
    python: str = "python3"


class Baked(Struct, frozen=True):
    """An image in the cache and its layers above the base, from the bottom."""

    image: Image
    layers: tuple[Layer, ...]


def bake(plan: Plan, kitchen: Kitchen, changes: Changes, annotations: Mapping[str, str], epoch: int) -> Baked:
    """Make what is missing, in order, and put the image together.

    Errors: InstructionFailedError, InstructionTimeError, LayerError, SpaceError; those of `faults`.
    """
    layers = made_until(plan, kitchen, len(plan.steps))
    base = plan.base
    told = [step.told(layer) for step, layer in zip(plan.steps, layers, strict=True)]
    image = kept(predict(base.manifest, base.config, told, changes, annotations, epoch), kitchen.cache)
    return Baked(image, layers)


def made_until(plan: Plan, kitchen: Kitchen, count: int) -> tuple[Layer, ...]:
    """The first `count` layers of a plan. Assembled layers of one kind are made together."""
    made: list[Layer] = []
    while len(made) < count:
        step = plan.steps[len(made)]
        if step.instruction:
            made.append(_instruction(step, plan, made, kitchen))
            continue
        same = _run_of(plan.steps[len(made) : count])
        known = [one.layer for one in same if one.layer]
        made += known if len(known) == len(same) else _assembled(step.kind, same, kitchen)
    return tuple(made)


def _run_of(steps: Sequence[Step]) -> list[Step]:
    """The first steps that are of one kind."""
    found = []
    for step in steps:
        if step.kind != steps[0].kind:
            break
        found.append(step)
    return found


def _assembled(kind: str, steps: Sequence[Step], kitchen: Kitchen) -> list[Layer]:
    with kitchen.progress.stage(f"{kind}: {', '.join(step.name for step in steps if not step.layer)}"):
        return list(kitchen.makers[kind]())


def _instruction(step: Step, plan: Plan, below: Sequence[Layer], kitchen: Kitchen) -> Layer:
    """The layer of an instruction: found, or made by running it on an image of all that lies below."""
    if step.layer:
        return step.layer
    from . import diff  # what runs a container: not for a build in which none runs
    from .step import executed

    assert step.instruction
    instruction, base, clamp = step.instruction, plan.base, plan.base.made
    start = time.monotonic()

    def make(draft: Draft) -> str:
        image = stage(plan, below, kitchen)
        diff_ids = (*base.diff_ids, *(layer.diff_id for layer in below))
        with executed(
            instruction, image, diff_ids, clamp=clamp, given=kitchen.secrets, network=kitchen.network,
            timeout=kitchen.timeout, tell=kitchen.progress.line, scratch=kitchen.cache.drafts,
            python=kitchen.python,
        ) as raw:  # fmt: skip
            tar = Tarball(draft, kitchen.compression)
            diff.normalise(raw, tar, clamp)
            return tar.close()

    with kitchen.progress.stage(f"instruction: {instruction.run}"):
        media_type = COMPRESSIONS[kitchen.compression][0]
        layer = kitchen.cache.layer(step.key, instruction.run[:80], media_type, make)
    return replace(layer, seconds=0.0 if layer.cached else time.monotonic() - start)


def stage(plan: Plan, below: Sequence[Layer], kitchen: Kitchen) -> str:
    """The name in the store of the base with some layers on it, for what has to run there."""
    base = plan.base
    if not below:
        return kitchen.bench.image(base.manifest, keep=True)
    kitchen.bench.image(base.manifest, keep=True)  # its layers stay in the store when the stage goes
    image = kept(predict(base.manifest, base.config, below, Changes(), {}, 0), kitchen.cache)
    return kitchen.bench.image(image.manifest)

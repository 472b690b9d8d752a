"""Make a plan real: each layer that the cache lacks, then the image's config and manifest. Effects only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from msgspec import Struct

from ..cache.blobs import PendingBlob
from ..cache.layer import Layer
from ..cache.layer_cache import LayerCache
from ..host.network import NetworkSettings
from ..host.progress import Progress
from ..host.secrets import BuildSecret
from ..image_store.stage_images import StageImages
from ..layers import COMPRESSIONS
from ..layers.image_manifest import AssembledImage, ConfigChanges, predict_image, store_image
from ..layers.tar_writer import TarWriter
from ..layers.wheel_layers import LayerObserver
from .plan import ImagePlan, LayerStep

Maker = Callable[[LayerObserver], Sequence[Layer]]
_LEAST = 32 * 1024 * 1024  # bytes of compressed layers that are worth a call of the store before the rest is there


class BuildContext(Struct, frozen=True):
    """What baking needs beside the plan. `makers` makes all layers of a kind at once; times in seconds.

    `python` is the target's interpreter, by its path in the image. With `fills_store` the local store gets the image.
    """

    cache: LayerCache
    stage_images: StageImages
    network: NetworkSettings
    secrets: tuple[BuildSecret, ...]
    compression: str
    timeout: float
    makers: Mapping[str, Maker]
    progress: Progress
    python: str = "python3"
    fills_store: bool = False


class BuiltImage(Struct, frozen=True):
    """An image in the cache and its layers above the base, from the bottom."""

    image: AssembledImage
    layers: tuple[Layer, ...]


def build_image(
    plan: ImagePlan, context: BuildContext, changes: ConfigChanges, annotations: Mapping[str, str], epoch: int
) -> BuiltImage:
    """Make what is missing, in order, and put the image together.

    Errors: InstructionFailedError, InstructionTimeoutError, LayerError, DiskFullError; those of `engine_errors`.
    """
    layers = make_layers(plan, context, len(plan.steps))
    base = plan.base
    described_layers = [step.describe_layer(layer) for step, layer in zip(plan.steps, layers, strict=True)]
    image = store_image(
        predict_image(base.manifest, base.config, described_layers, changes, annotations, epoch), context.cache
    )
    return BuiltImage(image, layers)


def make_layers(plan: ImagePlan, context: BuildContext, count: int) -> tuple[Layer, ...]:
    """Return the first `count` layers of a plan. Assembled layers of one kind are made together."""
    layers: list[Layer] = []
    while len(layers) < count:
        step = plan.steps[len(layers)]
        if step.instruction:
            layers.append(_make_instruction_layer(step, plan, layers, context))
            continue
        same = _take_same_kind(plan.steps[len(layers) : count])
        cached_layers = [step.layer for step in same if step.layer]
        layers += cached_layers if len(cached_layers) == len(same) else _assemble_layers(same, plan, layers, context)
    return tuple(layers)


def _take_same_kind(steps: Sequence[LayerStep]) -> list[LayerStep]:
    """Return the first steps that are of one kind."""
    same_kind = []
    for step in steps:
        if step.kind != steps[0].kind:
            break
        same_kind.append(step)
    return same_kind


def _assemble_layers(
    steps: Sequence[LayerStep], plan: ImagePlan, below: Sequence[Layer], context: BuildContext
) -> list[Layer]:
    """Return the layers of steps of one kind. The store takes the large ones while the others are made."""
    kind, loaded = steps[0].kind, 0

    def observe(finished: Sequence[Layer]) -> None:
        nonlocal loaded
        size = sum(layer.size for layer in finished)
        if context.fills_store and size - loaded >= _LEAST and not context.stage_images.is_loading:
            loaded = size
            base, layers = plan.base, (*below, *finished)
            image = store_image(
                predict_image(base.manifest, base.config, layers, ConfigChanges(), {}, 0), context.cache
            )
            context.stage_images.begin_loading(image.manifest)

    with context.progress.stage(f"{kind}: {', '.join(step.name for step in steps if not step.layer)}"):
        return list(context.makers[kind](observe))


def _make_instruction_layer(step: LayerStep, plan: ImagePlan, below: Sequence[Layer], context: BuildContext) -> Layer:
    """Return the layer of an instruction: found, or made by running it on an image of all that lies below."""
    if step.layer:
        return step.layer
    from . import layer_diff  # what runs a container: not for a build in which none runs
    from .run_instruction import StepContext, execute_instruction

    assert step.instruction
    instruction, base, clamp = step.instruction, plan.base, plan.base.created_at
    start = time.monotonic()

    def make(draft: PendingBlob) -> str:
        image = load_stage(plan, below, context)
        diff_ids = (*base.diff_ids, *(layer.diff_id for layer in below))
        step_context = StepContext(
            clamp, context.secrets, context.network, context.timeout, context.progress.print_line, context.cache.drafts,
            context.python,
        )  # fmt: skip
        with execute_instruction(instruction, image, diff_ids, step_context) as raw:
            tar = TarWriter(draft, context.compression)
            layer_diff.normalise_layer(raw, tar, clamp)
            return tar.close()

    with context.progress.stage(f"instruction: {instruction.run}"):
        media_type = COMPRESSIONS[context.compression][0]
        layer = context.cache.make_layer(step.key, instruction.run[:80], media_type, make)
    return replace(layer, seconds=0.0 if layer.cached else time.monotonic() - start)


def load_stage(plan: ImagePlan, below: Sequence[Layer], context: BuildContext) -> str:
    """Return the name in the store of the base with some layers on it, for what has to run there."""
    base = plan.base
    if not below:
        return context.stage_images.load_image(base.manifest, keep=True)
    context.stage_images.load_image(base.manifest, keep=True)  # its layers stay in the store when the stage goes
    image = store_image(predict_image(base.manifest, base.config, below, ConfigChanges(), {}, 0), context.cache)
    return context.stage_images.load_image(image.manifest)

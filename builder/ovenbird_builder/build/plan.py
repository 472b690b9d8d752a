"""What will be built, before anything is: the layers in their order, each with its key and what that is made of.

Pure: everything that has to be looked up comes in as an argument. The same inputs give the same plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import Struct

from ovenbird.common.hashing import digest_text

from ..bases.base_image import BaseImage
from ..cache.layer import Layer, compute_key
from ..containers import buildah
from ..layers import COMPRESSIONS
from ..request.run_instruction import PLACES, RunInstruction

VERSION = 2  # of how instructions are run and taken out; part of their keys
Lookup = Callable[[str], "Layer | None"]


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """A layer that needs no container, as its maker describes it: key, name, and what the key is made of."""

    kind: str
    name: str
    key: str
    parts: Mapping[str, str] = field(default_factory=dict)


class LayerStep(Struct, frozen=True):
    """One layer to be. `kind` is instruction, runtime, dependencies, source or document.

    `parts` is what its key is made of, by names for people; `layer` is what the cache has for that key; `argv` are the
    commands that make it, where there are any, with the names of images left open. `public` is the key that the image
    tells: without what belongs to this machine (its certificates, its salt), which would change the image's digest.
    """

    kind: str
    name: str
    key: str
    parts: Mapping[str, str]
    layer: Layer | None = None
    instruction: RunInstruction | None = None
    argv: tuple[buildah.Argv, ...] = ()
    public: str = ""

    def describe_layer(self, layer: Layer) -> Layer:
        """Return the layer as the image describes it."""
        return replace(layer, key=self.public or self.key)


class ImagePlan(Struct, frozen=True):
    """The steps of one platform's image on its base, from the bottom."""

    base: BaseImage
    steps: tuple[LayerStep, ...]

    @property
    def known(self) -> tuple[Layer, ...] | None:
        """Return all layers as the image describes them, None unless the cache has each: else no digest is known."""
        layers = tuple(step.describe_layer(step.layer) for step in self.steps if step.layer)
        return layers if len(layers) == len(self.steps) else None


class PlanContext(Struct, frozen=True):
    """What the keys of layers depend on beside the layers themselves.

    `lookup` gives the cached layer of a key; `identities` says which value a secret has without telling it; `mounts`
    is the digest of what else a step sees (certificates).
    """

    lookup: Lookup
    compression: str
    identities: Mapping[str, str]
    mounts: str = ""


def make_plan(
    base: BaseImage,
    instructions: Sequence[RunInstruction],
    parts: Mapping[str, Sequence[LayerSpec]],
    context: PlanContext,
) -> ImagePlan:
    """Return the plan of an image: base < runtime < instructions < dependencies < instructions < source < ...

    `parts` holds the assembled layers by kind.
    """
    steps: list[LayerStep] = []

    def add(kind: str) -> None:
        steps.extend(_make_assembled_step(part, context.lookup) for part in parts.get(kind, ()))

    def run(after: str) -> None:
        for instruction in instructions:
            if instruction.after == after:
                steps.append(_make_instruction_step(instruction, base, steps, context))

    base_place, dependencies_place, source_place = PLACES
    add("runtime")  # below the instructions, as in a base that brings it
    run(base_place)
    add("dependencies")
    run(dependencies_place)
    add("source")
    run(source_place)
    add("document")
    return ImagePlan(base, tuple(steps))


def _make_assembled_step(part: LayerSpec, lookup: Lookup) -> LayerStep:
    return LayerStep(part.kind, part.name, part.key, part.parts, lookup(part.key) if part.key else None)


def _make_instruction_step(
    instruction: RunInstruction, base: BaseImage, below: Sequence[LayerStep], context: PlanContext
) -> LayerStep:
    """Return a step whose key covers all that its command sees: layers below, secrets, mounts, time, how it is run."""
    parts = {
        "base": base.digest,
        "below": _digest_keys(step.key for step in below),
        "command": instruction.run,
        "network": str(instruction.network).lower(),
        "secrets": " ".join(context.identities[name] for name in instruction.secrets),
        "mounts": context.mounts,
        "time": str(base.created_at),
        "builder": f"{VERSION} {COMPRESSIONS[context.compression][1]}",
    }
    key = "" if any(not step.key for step in below) else compute_key("instruction", **parts)
    layer = context.lookup(key) if key else None
    public = parts | {
        "below": _digest_keys(step.public or step.key for step in below), "mounts": "",
        "secrets": " ".join(instruction.secrets),
    }  # fmt: skip
    return LayerStep(
        "instruction", instruction.run, key, parts, layer, instruction, list_commands(instruction),
        compute_key("instruction", **public),
    )  # fmt: skip


def list_commands(instruction: RunInstruction) -> tuple[buildah.Argv, ...]:
    """Return the commands of buildah that make an instruction's layer.

    The names of images and containers are left open.
    """
    mounts = [f"SECRET:/run/secrets/{name}:ro" for name in instruction.secrets]
    workdir = "/shared" if instruction.after == "source" else "/"
    options = buildah.RunOptions(user="0:0", mounts=mounts, workdir=workdir, network=instruction.network)
    return (
        buildah.from_("BELOW", name="CONTAINER", pull="never"),
        buildah.run("CONTAINER", ("/bin/sh", "-c", instruction.run), options),
        buildah.commit("CONTAINER", "STEP"),
    )  # fmt: skip


def _digest_keys(keys: Any) -> str:
    text = "\n".join(keys)
    return digest_text(text) if text else ""
